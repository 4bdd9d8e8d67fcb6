import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { leastSquaresSlope, type Point, secondHalf } from '../../src/tools/bench/slope.ts';

/** Slope of the memory of this process over the second half of a run. */
export interface MemoryGrowth {
  readonly rssBytesPer1000Requests: number;
  readonly heapBytesPer1000Requests: number;
}

/** Memory of this process, read after full collections. */
export class MemoryReadings {
  readonly #rss: Point[] = [];
  readonly #heap: Point[] = [];
  readonly #collect = collector();

  /** @param requests - how many were sent before this reading. */
  take(requests: number): void {
    this.#collect();
    const { rss, heapUsed } = process.memoryUsage();
    this.#rss.push({ x: requests, y: rss });
    this.#heap.push({ x: requests, y: heapUsed });
  }

  growth(): MemoryGrowth {
    return { rssBytesPer1000Requests: per1000(this.#rss), heapBytesPer1000Requests: per1000(this.#heap) };
  }
}

function per1000(readings: readonly Point[]): number {
  return Math.round(1000 * leastSquaresSlope(secondHalf(readings)));
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
}
