import { Admission, type AdmissionLimits } from '../../src/runtime/admission.ts';
import { MIN_DEPTH } from '../../src/runtime/local/pipeline-depth.ts';

export interface Arrival {
  readonly atMs: number;
  /** Time that a worker needs for it. */
  readonly serviceMs: number;
}

/** What became of an arrival: its time until the answer, or undefined when it was refused. */
export interface Served extends Arrival {
  readonly latencyMs: number | undefined;
}

/**
 * A queue in virtual time: workers with a mailbox each, one line in front of them, first come, first served, and an
 * admission at its entrance.
 *
 * @param arrivals - by time.
 */
export function simulate(arrivals: readonly Arrival[], workers: number, limits: AdmissionLimits): Served[] {
  const admission = new Admission(limits);
  const freeAt = new Array<number>(workers).fill(0);
  /** When each run that was let in and is not over yet will be, ascending. */
  const ends: number[] = [];
  const waiting = () => Math.max(0, ends.length - MIN_DEPTH * workers);
  return arrivals.map((arrival) => {
    const { atMs, serviceMs } = arrival;
    while (ends.length > 0 && ends[0]! <= atMs) {
      const end = ends.shift()!;
      admission.departed(waiting(), end);
    }
    if (ends.length >= MIN_DEPTH * workers) {
      if (admission.refusal(waiting(), atMs) !== undefined) return { ...arrival, latencyMs: undefined };
      admission.waits(atMs);
    }
    const worker = freeAt.indexOf(Math.min(...freeAt));
    const end = Math.max(atMs, freeAt[worker]!) + serviceMs;
    freeAt[worker] = end;
    const at = ends.findLastIndex((other) => other <= end) + 1;
    ends.splice(at, 0, end);
    return { ...arrival, latencyMs: end - atMs };
  });
}
