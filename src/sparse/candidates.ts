/** Which sets of sparse layers are worth timing. */

/** A linear layer that could be sparse, as far as its cost depends on it. */
export interface Layer {
  readonly kind: 'conv' | 'matmul';
  /** Sizes of its weight: [M, C, R, S] of a convolution, two of a product. */
  readonly weight: readonly number[];
  /** Whether what it reads has zeros. */
  readonly hasZeros: boolean;
}

/** A kernel's overhead per row of a weight pays off from some length of the row on; where, only timing tells. */
const WIDTHS = [1, 32, 64, 128];

/**
 * Sets of layers that read zeros, largest first, each once: all that are at least so wide, for a few widths, and those
 * without the convolutions, or without the products.
 *
 * @returns ascending indices into `layers`; no empty set.
 */
export function candidateSets(layers: readonly Layer[]): readonly (readonly number[])[] {
  const kinds: readonly (readonly Layer['kind'][])[] = [['conv', 'matmul'], ['conv'], ['matmul']];
  const sets = kinds.flatMap((allowed) =>
    WIDTHS.map((width) =>
      layers.flatMap((layer, i) =>
        layer.hasZeros && allowed.includes(layer.kind) && widthOf(layer) >= width ? [i] : [],
      ),
    ),
  );
  const distinct = new Map(sets.filter((set) => set.length > 0).map((set) => [set.join(), set]));
  return [...distinct.values()].sort((a, b) => b.length - a.length);
}

/**
 * A set with the layers that read no zeros: these kernels take few rows faster than ONNX Runtime's, whatever they read.
 *
 * @returns undefined where there is no such layer.
 */
export function withDenseLayers(
  set: readonly number[],
  layers: readonly Layer[],
): readonly number[] | undefined {
  const dense = layers.flatMap(({ hasZeros }, i) => (hasZeros ? [] : [i]));
  return dense.length === 0 ? undefined : [...set, ...dense].sort((a, b) => a - b);
}

/** Each set with one layer less. */
export function smallerSets(set: readonly number[]): readonly (readonly number[])[] {
  return set.length < 2 ? [] : set.map((_, left) => set.filter((__, i) => i !== left));
}

/** Channels or columns: the shorter of what a layer reads and makes. */
export function widthOf({ weight }: Layer): number {
  return Math.min(weight[0] ?? 0, weight[1] ?? 0);
}
