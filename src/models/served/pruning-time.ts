import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import type { BucketPlan, KeptPlan } from '../../control/phases/kept-plan.ts';
import type { HeldBack } from '../../control/phases/state.ts';
import type { ControlLoop } from '../../loop/control-loop.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { Kernels, NoKernels } from '../../runtime/local/kernels.ts';
import type { LoadedModel } from '../../runtime/local/load-model.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { PLAIN, type Speedup, speedupOfShare } from '../../sparse/speedup.ts';
import { SpeedWatch } from './speed-watch.ts';
import { type Plan, TimePlanner } from './time-planner.ts';

export interface PruningTimeParts {
  readonly name: string;
  readonly loaded: LoadedModel;
  readonly config: Config;
  readonly runtime: Runtime;
  readonly loop: ControlLoop;
  readonly outputs: readonly string[];
  readonly kernels: Kernels | NoKernels;
  /** From before a restart. */
  readonly kept?: KeptPlan | null | undefined;
  readonly log: Logger;
}

/** A plan that production proved wrong is made again after so long. */
const DISTRUST_MS = 600_000;

/** Why production of a model is dense before anything is measured; undefined: gates prune it, whatever the time. */
export function heldBackAtFirst({ runtime }: Config): HeldBack | undefined {
  return runtime.gates === 'auto' ? 'unmeasured' : undefined;
}

/**
 * Lets pruning reach production where it saves time: plans the sparse form of a model for the threshold that production is
 * heading for, has the workers adopt it, tells the loop, and goes on timing sampled requests both ways.
 */
export class PruningTime {
  readonly #parts: PruningTimeParts;
  readonly #planner: TimePlanner;
  readonly #watch: SpeedWatch;

  /** @returns undefined where gates prune whatever the time, or nothing can be gained, which the loop is told. */
  static open(parts: PruningTimeParts): PruningTime | undefined {
    const { loaded, config, runtime, loop, kernels } = parts;
    if (config.runtime.gates !== 'auto' || loaded.sites.length === 0) return undefined;
    if (typeof kernels === 'object' || runtime.adopt === undefined) {
      const reason = typeof kernels === 'object' ? kernels.reason : 'the runtime takes no rewritten model';
      loop.timed('unprofitable', `pruning saves no time: ${reason}`);
      return undefined;
    }
    return new PruningTime(parts, kernels);
  }

  private constructor(parts: PruningTimeParts, kernels: Kernels) {
    const { loaded, config, runtime, loop, outputs } = parts;
    const { plain, externalFolder } = loaded.setup;
    const { intraOpThreads } = config.runtime;
    this.#parts = parts;
    this.#planner = new TimePlanner({
      setup: { plain, externalFolder, intraOpThreads, sites: config.sites, kernels },
      gatedNow: () => loop.state.gated ?? null,
      kept: parts.kept,
      outputs,
      sites: loaded.sites.length,
      runtime,
      onPlan: (plan, model, isKept) => void this.#follow(plan, model, isKept),
    });
    this.#watch = new SpeedWatch({ runtime, outputs, onTimed: () => this.#distrust() });
  }

  get plan(): Plan {
    return this.#planner.plan;
  }

  /** What outlives a restart; null: nothing. */
  get keepsake(): KeptPlan | null {
    return this.#planner.keepsake;
  }

  /** Whether pruning saves time for a request of so many rows; false where it was not measured. */
  pays(rows: number): boolean {
    return this.#planner.pays(rows);
  }

  /** The threshold that production is at or heading for; 0: none. */
  want(threshold: number): void {
    this.#planner.want(threshold);
  }

  /** A sampled request. Its memory must not be changed afterwards. */
  offer(inputs: readonly Tensor[], rows: number): void {
    this.#planner.offer(inputs);
    const { loop } = this.#parts;
    const { candidate } = loop.exposure;
    if (candidate === null || loop.state.heldBack !== undefined) return;
    this.#watch.offer(inputs, this.pays(rows) ? loop.thresholdsAt(candidate) : undefined);
  }

  /**
   * Time of the plain model over time as served, over all of production: as sampled requests were timed, or as planned before
   * enough of them were. Null: it is not measured.
   *
   * @param share - of the requests that pruning pays for, 0–1: so many are pruned.
   */
  speedup(share: number): Speedup | null {
    const timed = this.#watch.speedup(share);
    if (timed !== null) return timed;
    const { plan } = this.#planner;
    const [largest] = plan.kind === 'measured' ? plan.buckets.filter(({ pays }) => pays) : [];
    return largest === undefined ? PLAIN : speedupOfShare(largest.speedup, share * this.#parts.loop.paying);
  }

  close(): void {
    this.#planner.close();
  }

  /** What was planned is slower in production: plain again, and planned anew after a while. */
  #distrust(): void {
    const { name, loop, log } = this.#parts;
    const timed = loop.state.heldBack === undefined ? this.#watch.speedup(1) : null;
    if (timed === null || timed.high >= 1) return;
    const words = `pruning costs time in production: ${timed.ratio.toFixed(2)} × (${timed.low.toFixed(2)}–${timed.high.toFixed(2)})`;
    log.warn({ model: name }, words);
    this.#watch.restart();
    this.#planner.planAgain(DISTRUST_MS);
    loop.timed('unprofitable', words);
  }

  async #follow(plan: Plan, model: Uint8Array | undefined, isKept: boolean): Promise<void> {
    const { name, runtime, loop, log } = this.#parts;
    const isAdopted = model !== undefined && (await runtime.adopt?.(model)) === true;
    const words = wordsOf(plan, model === undefined || isAdopted);
    log.info({ model: name, plan }, words);
    this.#watch.restart();
    if (isAdopted && plan.kind === 'measured')
      loop.timed(undefined, words, { gated: plan.gatedBy.map((by) => by !== 'none'), isKept });
    else loop.timed('unprofitable', words);
  }
}

/** What a plan says, in a sentence. */
export function wordsOf(plan: Plan, isUsable: boolean): string {
  switch (plan.kind) {
    case 'unmeasured':
      return 'nobody has measured yet whether pruning saves time';
    case 'impossible':
      return `pruning saves no time: ${plan.reason}`;
    case 'measured': {
      if (!isUsable) return 'pruning saves no time: the workers could not open the rewritten model';
      const figures = plan.buckets.map(figuresOf).join('; ');
      const sparse = plan.layers.filter(({ isSparse }) => isSparse).length;
      const saves = plan.buckets.some(({ pays }) => pays);
      const left = plan.gatedBy.filter((by) => by === 'none').length;
      const sites = left === 0 ? '' : `, ${left} of ${plan.gatedBy.length} sites are not pruned`;
      const layers = `${sparse} of ${plan.layers.length} layers skip zeros${sites}`;
      return saves ? `pruning saves time: ${layers}; ${figures}` : `pruning saves no time here; ${figures}`;
    }
  }
}

function figuresOf({ rows, speedup, plainMs, sparseMs }: BucketPlan): string {
  const { ratio, low, high } = speedup;
  const size = rows === 1 ? '1 row' : `up to ${rows} rows`;
  return `${size}: ${ratio.toFixed(2)} × (${low.toFixed(2)}–${high.toFixed(2)}), ${plainMs.toFixed(3)} ms plain, ${sparseMs.toFixed(3)} ms sparse`;
}
