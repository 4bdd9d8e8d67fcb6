/**
 * The bins: a magnitude's own float32 bits, cut after six bits of the mantissa.
 *
 * `bits >>> 17` keeps 8 bits of exponent and 6 of mantissa: 64 bins per octave, each 0.8–1.6 % wide, over the whole
 * range of float32, with no logarithm. Bin b holds edge(b) ≤ |a| < edge(b + 1). Inside a bin every value is
 * edge(b) + r·ulp(b) with the integer r = bits & 0x1ffff, so a count and a sum of r give the sum of |a| *exactly*.
 */

/** Number of bins over all float32 magnitudes; bins from `NON_FINITE_BIN` up hold Infinity and NaN. */
export const BIN_COUNT = 1 << 14;
export const BINS_PER_OCTAVE = 64;
export const NON_FINITE_BIN = 0x7f800000 >>> 17;
/** Float32 values per bin. */
export const ULPS_PER_BIN = 1 << 17;

const view = new DataView(new ArrayBuffer(4));

const EDGES = Float64Array.from({ length: NON_FINITE_BIN + 1 }, (_, bin) => {
  view.setUint32(0, bin << 17);
  return view.getFloat32(0);
});
const ULPS = Float64Array.from(
  { length: NON_FINITE_BIN + 1 },
  (_, bin) => 2 ** (Math.max(bin >>> 6, 1) - 150),
);

/** Lower edge of bin b, in units of activation. Exact in float32. */
export function edgeOf(bin: number): number {
  return EDGES[bin]!;
}

/** The first bin of the octave of a bin; spacing is the same in all of an octave. */
export function octaveOf(bin: number): number {
  return bin - (bin % BINS_PER_OCTAVE);
}

/** Spacing of float32 values inside bin b. */
export function ulpOf(bin: number): number {
  return ULPS[bin]!;
}

/** The bin of |x| after rounding x to float32. */
export function binOf(x: number): number {
  view.setFloat32(0, x);
  return (view.getUint32(0) & 0x7fffffff) >>> 17;
}

/** The bin edge nearest to a threshold on a log scale: thresholds on edges are evaluated without binning error. */
export function nearestEdge(threshold: number): number {
  const bin = binOf(threshold);
  const low = edgeOf(bin);
  const high = edgeOf(bin + 1);
  return threshold * threshold <= low * high ? low : high;
}
