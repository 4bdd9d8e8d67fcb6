/**
 * Which tensors are pruned. `activations`: what nonlinear and hidden fully connected layers put out. `linear-inputs`: what linear
 * layers read. `auto`: of the activations those whose zeros a linear layer could skip, and what linear layers read from a
 * normalisation, since all such tensors have about the scale of one, which a common threshold suits.
 */
export const SITE_SCHEMES = ['auto', 'activations', 'linear-inputs'] as const;

export type SiteScheme = (typeof SITE_SCHEMES)[number];

export const DEFAULT_SCHEME: SiteScheme = 'auto';
