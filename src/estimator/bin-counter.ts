import { BIN_COUNT, BINS_PER_OCTAVE, NON_FINITE_BIN } from './bins.ts';
import { type ActivationHistogram, emptyHistogram, merge } from './histogram.ts';

/** One activation in the packed cell: count·2^35 + Σ residual, residual < 2^17; exact for up to 2^18 additions. */
const ONE = 2 ** 35;
const RESIDUAL_MASK = 0x1ffff;
const LANES = 4;
/** Activations binned before the cells are emptied: 2^17 per lane stay clear of both limits. */
const CHUNK = LANES << 17;
/** Up to here one lane is cheaper: there is less to empty afterwards. */
const SMALL = 2048;
const NON_FINITE_OCTAVE = NON_FINITE_BIN / BINS_PER_OCTAVE;

/**
 * Bins float32 magnitudes into histograms; one instance per thread, reused for every tensor.
 *
 * Four interleaved tables keep consecutive activations from waiting on each other's store, and count and residual
 * sum share one float64 cell, so that an activation costs one load, one add and one store.
 */
export class BinCounter {
  readonly #cells = new Float64Array(BIN_COUNT * LANES);
  readonly #octaves = new Uint8Array(BIN_COUNT / BINS_PER_OCTAVE);

  /** The histogram of a float32 tensor, given as its raw bits. O(elements). */
  histogram(bits: Uint32Array): ActivationHistogram {
    if (bits.length <= CHUNK) return this.#chunk(bits);
    const all = emptyHistogram();
    for (let from = 0; from < bits.length; from += CHUNK) {
      merge(all, this.#chunk(bits.subarray(from, from + CHUNK)));
    }
    return all;
  }

  #chunk(bits: Uint32Array): ActivationHistogram {
    if (bits.length <= SMALL) {
      this.#binOne(bits);
      return this.#collect(1);
    }
    this.#binFour(bits);
    return this.#collect(LANES);
  }

  #binOne(bits: Uint32Array): void {
    const cells = this.#cells;
    const octaves = this.#octaves;
    for (let i = 0; i < bits.length; i++) {
      const a = bits[i]! & 0x7fffffff;
      octaves[a >>> 23] = 1;
      cells[a >>> 17]! += (a & RESIDUAL_MASK) + ONE;
    }
  }

  #binFour(bits: Uint32Array): void {
    const cells = this.#cells;
    const octaves = this.#octaves;
    const whole = bits.length & ~3;
    for (let i = 0; i < whole; i += 4) {
      const a = bits[i]! & 0x7fffffff;
      const b = bits[i + 1]! & 0x7fffffff;
      const c = bits[i + 2]! & 0x7fffffff;
      const d = bits[i + 3]! & 0x7fffffff;
      octaves[a >>> 23] = 1;
      octaves[b >>> 23] = 1;
      octaves[c >>> 23] = 1;
      octaves[d >>> 23] = 1;
      cells[a >>> 17]! += (a & RESIDUAL_MASK) + ONE;
      cells[(b >>> 17) + BIN_COUNT]! += (b & RESIDUAL_MASK) + ONE;
      cells[(c >>> 17) + 2 * BIN_COUNT]! += (c & RESIDUAL_MASK) + ONE;
      cells[(d >>> 17) + 3 * BIN_COUNT]! += (d & RESIDUAL_MASK) + ONE;
    }
    this.#binOne(bits.subarray(whole));
  }

  /** Moves the marked octaves out into a histogram and leaves every cell empty. Bin 0 counts as zero. */
  #collect(lanes: number): ActivationHistogram {
    const cells = this.#cells;
    const h = emptyHistogram();
    for (let lane = 0; lane < lanes; lane++) {
      h.zeros += countOf(cells[lane * BIN_COUNT]!);
      cells[lane * BIN_COUNT] = 0;
    }
    const [first, last] = this.#finiteRange();
    h.offset = first * BINS_PER_OCTAVE;
    h.counts = new Float64Array((last - first) * BINS_PER_OCTAVE);
    h.residuals = new Float64Array(h.counts.length);
    for (let octave = 0; octave < this.#octaves.length; octave++) {
      if (this.#octaves[octave] === 0) continue;
      this.#octaves[octave] = 0;
      for (let lane = 0; lane < lanes; lane++) this.#take(h, octave, lane);
    }
    return h;
  }

  #take(h: ActivationHistogram, octave: number, lane: number): void {
    const start = lane * BIN_COUNT + octave * BINS_PER_OCTAVE;
    const target = octave * BINS_PER_OCTAVE - h.offset;
    for (let i = 0; i < BINS_PER_OCTAVE; i++) {
      const cell = this.#cells[start + i]!;
      if (cell === 0) continue;
      this.#cells[start + i] = 0;
      const count = countOf(cell);
      if (octave >= NON_FINITE_OCTAVE) {
        h.nonFinite += count;
      } else {
        h.counts[target + i]! += count;
        h.residuals[target + i]! += cell - count * ONE;
      }
    }
  }

  /** Marked octaves [first, last) with finite magnitudes; octave 0 only when it holds more than zeros. */
  #finiteRange(): [number, number] {
    let first = 1;
    for (let bin = 1; bin < BINS_PER_OCTAVE && first > 0; bin++) {
      for (let lane = 0; lane < LANES; lane++) if (this.#cells[bin + lane * BIN_COUNT] !== 0) first = 0;
    }
    while (first < NON_FINITE_OCTAVE && this.#octaves[first] === 0) first++;
    let last = NON_FINITE_OCTAVE;
    while (last > first && this.#octaves[last - 1] === 0) last--;
    return [Math.min(first, last), last];
  }
}

function countOf(cell: number): number {
  return Math.floor(cell * (1 / ONE));
}
