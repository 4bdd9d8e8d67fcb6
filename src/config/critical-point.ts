/** What counts as a feature of F, unless it is configured: see `CriticalPointOptions`. */
export const CRITICAL_POINT_DEFAULTS = {
  temperature: 'normalized',
  minProminence: 0.01,
  minStandardErrors: 4,
  inflections: false,
} as const;
