import type { Tensor } from '../../protocol/types.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { type Speedup, speedupOfTotals, type TimedRequest } from '../../sparse/speedup.ts';

export interface SpeedWatchOptions {
  readonly runtime: Pick<Runtime, 'shadow'>;
  readonly outputs: readonly string[];
  /** Told of every request that was timed. */
  readonly onTimed?: (request: TimedRequest) => void;
}

/** One in so many sampled requests is timed: four runs more. */
const TIMED_EVERY = 8;
/** Requests whose times are kept, the latest. */
const KEPT = 128;
const LEAST = 9;

/**
 * What pruning gains in production: sampled requests are run again in the workers that serve, in otherwise idle time, plain
 * and pruned in the order A B B A.
 */
export class SpeedWatch {
  readonly #options: SpeedWatchOptions;
  #timed: readonly TimedRequest[] = [];
  #offered = 0;
  #isTiming = false;

  constructor(options: SpeedWatchOptions) {
    this.#options = options;
  }

  /**
   * A sampled request, which is timed now and then.
   *
   * @param thresholds - of its pruned answer; undefined: pruning does not pay for such a request, which is answered dense.
   */
  offer(inputs: readonly Tensor[], thresholds: Float32Array | undefined): void {
    if (this.#isTiming || this.#offered++ % TIMED_EVERY !== 0) return;
    this.#isTiming = true;
    // A failed shadow run is the loop's business; nothing was timed.
    void this.#time(inputs, thresholds)
      .catch(() => undefined)
      .finally(() => {
        this.#isTiming = false;
      });
  }

  /** The workers run another model. */
  restart(): void {
    this.#timed = [];
  }

  /**
   * Time of the plain model over time as served, from the latest requests; null before enough were timed.
   *
   * @param share - of the requests that pruning pays for, 0–1: so many are pruned.
   */
  speedup(share: number): Speedup | null {
    return this.#timed.length < LEAST ? null : speedupOfTotals(this.#timed, share);
  }

  async #time(inputs: readonly Tensor[], thresholds: Float32Array | undefined): Promise<void> {
    const { runtime, outputs, onTimed } = this.#options;
    const before = this.#timed;
    const run = async (at: Float32Array | undefined, goesFirst = true): Promise<number> => {
      const asked = { inputs, outputs, keepInputs: true, measure: 'nothing', goesFirst } as const;
      const result = await runtime.shadow(at === undefined ? asked : { ...asked, thresholds: at });
      if (result === 'dropped') throw new Error('there is no idle time');
      return result.inferMs;
    };
    const first = await run(undefined, false);
    const prunedMs =
      thresholds === undefined ? null : ((await run(thresholds)) + (await run(thresholds))) / 2;
    const plainMs = (first + (await run(undefined))) / 2;
    // Begun before a restart, it belongs to what is gone.
    if (before !== this.#timed && this.#timed.length === 0) return;
    const timed = { plainMs, prunedMs };
    this.#timed = [...this.#timed.slice(1 - KEPT), timed];
    onTimed?.(timed);
  }
}
