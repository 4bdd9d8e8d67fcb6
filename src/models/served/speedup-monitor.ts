import type { Tensor } from '../../protocol/types.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { type Speedup, speedupOfTotals, type TimedRequest } from '../../sparse/speedup.ts';

export interface SpeedupMonitorOptions {
  readonly runtime: Pick<Runtime, 'shadow'>;
  readonly outputs: readonly string[];
  /** Called after every timed request. */
  readonly onTimed?: (request: TimedRequest) => void;
}

/** One sampled request in this many is timed, which takes four runs. */
const TIMED_EVERY = 8;
/** Most timed requests that count, and fewest for a speedup. */
const MAX_TIMED = 128;
const MIN_TIMED = 9;

/**
 * Measures the speedup by pruning in production: sampled requests are run again in the serving workers, in otherwise idle
 * time, plain and pruned in the order A B B A.
 */
export class SpeedupMonitor {
  readonly #options: SpeedupMonitorOptions;
  #timed: readonly TimedRequest[] = [];
  #offered = 0;
  #isTiming = false;

  constructor(options: SpeedupMonitorOptions) {
    this.#options = options;
  }

  /**
   * Takes a sampled request; one in `TIMED_EVERY` is timed.
   *
   * @param thresholds - of its pruned answer; undefined: pruning saves no time for such a request, which is answered dense.
   */
  addSample(inputs: readonly Tensor[], thresholds: Float32Array | undefined): void {
    if (this.#isTiming || this.#offered++ % TIMED_EVERY !== 0) return;
    this.#isTiming = true;
    // A shadow run failed or was dropped: nothing was timed.
    void this.#time(inputs, thresholds)
      .catch(() => undefined)
      .finally(() => {
        this.#isTiming = false;
      });
  }

  /** Drops all times: the workers run another model. */
  restart(): void {
    this.#timed = [];
  }

  /**
   * Time of the plain model ÷ time as served, from the latest timed requests; null until there are enough.
   *
   * @param share - pruned share, 0–1, of the requests for which pruning saves time.
   */
  speedup(share: number): Speedup | null {
    return this.#timed.length < MIN_TIMED ? null : speedupOfTotals(this.#timed, share);
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
    // The times were dropped meanwhile: these are of the model before.
    if (before !== this.#timed && this.#timed.length === 0) return;
    const timed = { plainMs, prunedMs };
    this.#timed = [...this.#timed.slice(1 - MAX_TIMED), timed];
    onTimed?.(timed);
  }
}
