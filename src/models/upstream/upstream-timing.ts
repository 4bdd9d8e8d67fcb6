import type { Logger } from 'pino';
import type { ControlLoop } from '../../loop/control-loop.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { PLAIN, type Speedup, type TimedRequest, WORTHWHILE } from '../../sparse/speedup.ts';
import type { Plan } from '../served/sparse-planner.ts';
import { SpeedupMonitor } from '../served/speedup-monitor.ts';
import type { TimedPruning } from '../served/timed-pruning.ts';

export interface UpstreamTimingParts {
  readonly name: string;
  readonly runtime: Pick<Runtime, 'shadow'>;
  readonly loop: Pick<ControlLoop, 'timed' | 'thresholdsAt' | 'state'>;
  readonly outputs: readonly string[];
  readonly sites: number;
  readonly log: Logger;
}

/** Timed requests after which no gain that can be told is none. */
const MOST_TIMED = 100;
/** Pause before what did not pay is timed again. */
const RETRY_MS = 600_000;

/**
 * Whether the instrumented model of an upstream server is faster at production's next threshold than the plain one: sampled
 * requests are timed both ways, and production is pruned only while it is.
 */
export class UpstreamTiming implements TimedPruning {
  readonly #parts: UpstreamTimingParts;
  readonly #monitor: SpeedupMonitor;
  #target = 0;
  #rows = 1;
  #timed: readonly TimedRequest[] = [];
  #isRefuted = false;
  #retry: NodeJS.Timeout | undefined;
  plan: Plan = { kind: 'unmeasured' };
  /** The server may be another machine by then. */
  readonly planToKeep = null;

  constructor(parts: UpstreamTimingParts) {
    this.#parts = parts;
    const { runtime, outputs } = parts;
    this.#monitor = new SpeedupMonitor({ runtime, outputs, onTimed: (request) => this.#judge(request) });
  }

  /** Asked of every request; whether pruning is held back at all is the loop's to know. */
  savesTime(): boolean {
    return !this.#isRefuted;
  }

  setTarget(threshold: number): void {
    this.#target = threshold;
  }

  addSample(inputs: readonly Tensor[], rows: number): void {
    if (this.#target === 0 || this.#isRefuted) return;
    this.#rows = Math.max(this.#rows, rows);
    this.#monitor.addSample(inputs, this.#parts.loop.thresholdsAt(this.#target));
  }

  speedup(share: number): Speedup | null {
    return this.#isRefuted ? PLAIN : this.#monitor.speedup(share);
  }

  close(): void {
    clearTimeout(this.#retry);
  }

  #judge(request: TimedRequest): void {
    this.#timed = [...this.#timed, request].slice(-MOST_TIMED);
    const speedup = this.#monitor.speedup(1);
    if (speedup === null) return;
    const isHeldBack = this.#parts.loop.state.heldBack !== undefined;
    if (isHeldBack && speedup.low >= WORTHWHILE) this.#decide(speedup, true);
    else if (isHeldBack ? this.#isHopeless(speedup) : speedup.high < 1) this.#decide(speedup, false);
  }

  #isHopeless({ high }: Speedup): boolean {
    return high < WORTHWHILE || this.#timed.length >= MOST_TIMED;
  }

  #decide(speedup: Speedup, pays: boolean): void {
    const { name, loop, sites, log } = this.#parts;
    const { ratio, low, high } = speedup;
    this.plan = {
      kind: 'measured',
      threshold: this.#target,
      layers: [],
      set: [],
      gatedBy: new Array<'mask'>(sites).fill('mask'),
      buckets: [
        {
          rows: 2 ** Math.ceil(Math.log2(this.#rows)),
          pays,
          speedup,
          plainMs: medianOf(this.#timed.map(({ plainMs }) => plainMs)),
          sparseMs: medianOf(this.#timed.flatMap(({ prunedMs }) => prunedMs ?? [])),
        },
      ],
    };
    const figures = `${ratio.toFixed(2)} × (${low.toFixed(2)}–${high.toFixed(2)})`;
    const words = `pruning saves ${pays ? '' : 'no '}time at the upstream server: ${figures}`;
    log.info({ model: name, threshold: this.#target }, words);
    loop.timed(pays ? undefined : 'unprofitable', words);
    if (pays) return;
    this.#isRefuted = true;
    this.#retry = setTimeout(() => {
      this.#isRefuted = false;
      this.#timed = [];
      this.#monitor.restart();
    }, RETRY_MS).unref();
  }
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
