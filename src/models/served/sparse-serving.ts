import type { Logger } from 'pino';
import { filter, type Subscription } from 'rxjs';
import type { Config } from '../../config/schema.ts';
import type { BucketPlan, KeptPlan } from '../../control/phases/kept-plan.ts';
import type { HeldBack } from '../../control/phases/state.ts';
import type { ControlLoop } from '../../loop/control-loop.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { Kernels, NoKernels } from '../../runtime/local/kernels.ts';
import type { LoadedModel } from '../../runtime/local/load-model.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { PLAIN, type Speedup, speedupOfShare } from '../../sparse/speedup.ts';
import { type Plan, SparsePlanner } from './sparse-planner.ts';
import { SpeedupMonitor } from './speedup-monitor.ts';
import type { TimedPruning } from './timed-pruning.ts';

export interface SparseServingParts {
  readonly name: string;
  readonly loaded: LoadedModel;
  readonly config: Config;
  readonly runtime: Runtime;
  readonly loop: ControlLoop;
  readonly outputs: readonly string[];
  readonly kernels: Kernels | NoKernels;
  /** Whether this replica chooses the sites that all of them prune; absent: there are no others. */
  readonly decides?: (() => boolean) | undefined;
  /** The plan from before a restart. */
  readonly kept?: KeptPlan | null | undefined;
  readonly log: Logger;
}

/** Pause before a plan that turned out slower in production is replaced. */
const REPLAN_MS = 600_000;

/** Why production is dense before the first measurement; undefined: gates prune it whether or not that saves time. */
export function initialHoldBack({ runtime }: Config): HeldBack | undefined {
  return runtime.gates === 'auto' ? 'unmeasured' : undefined;
}

/**
 * Prunes production where that saves time: plans the sparse form of a model for production's next threshold, has the
 * workers adopt it, informs the loop, and goes on timing sampled requests both ways.
 */
export class SparseServing implements TimedPruning {
  readonly #parts: SparseServingParts;
  readonly #planner: SparsePlanner;
  readonly #monitor: SpeedupMonitor;
  readonly #sites: Subscription;

  /** @returns undefined if gates prune without regard to time, or if nothing can be gained; the loop is informed of the latter. */
  static open(parts: SparseServingParts): SparseServing | undefined {
    const { loaded, config, runtime, loop, kernels } = parts;
    if (config.runtime.gates !== 'auto' || loaded.sites.length === 0) return undefined;
    if (typeof kernels === 'object' || runtime.adopt === undefined) {
      const reason = typeof kernels === 'object' ? kernels.reason : 'the runtime takes no rewritten model';
      loop.timed('unprofitable', `pruning saves no time: ${reason}`);
      return undefined;
    }
    return new SparseServing(parts, kernels);
  }

  private constructor(parts: SparseServingParts, kernels: Kernels) {
    const { loaded, config, runtime, loop, outputs } = parts;
    const { plain, externalFolder } = loaded.setup;
    const { intraOpThreads } = config.runtime;
    this.#parts = parts;
    this.#planner = new SparsePlanner({
      setup: { plain, externalFolder, intraOpThreads, sites: config.sites, kernels },
      gatedSites: () =>
        loop.state.gated ?? (parts.decides?.() === false ? loaded.sites.map(() => true) : null),
      kept: parts.kept,
      outputs,
      sites: loaded.sites.length,
      runtime,
      onPlan: (plan, model, isKept) => void this.#follow(plan, model, isKept),
    });
    this.#sites = loop.steps$
      .pipe(filter(({ before, after }) => before.gated !== after.gated))
      .subscribe(({ after }) => this.#replanWhereUncovered(after.gated));
    this.#monitor = new SpeedupMonitor({ runtime, outputs, onTimed: () => this.#withdrawIfSlower() });
  }

  get plan(): Plan {
    return this.#planner.plan;
  }

  /** The plan to keep over a restart; null: none. */
  get planToKeep(): KeptPlan | null {
    return this.#planner.planToKeep;
  }

  /** Whether pruning saves time for a request of `rows` rows; false if it was not measured. */
  savesTime(rows: number): boolean {
    return this.#planner.savesTime(rows);
  }

  /** Sets the threshold that production is at or ramping up to; 0: none. */
  setTarget(threshold: number): void {
    this.#planner.setTarget(threshold);
  }

  /** Takes a sampled request. Its memory must not change afterwards. */
  addSample(inputs: readonly Tensor[], rows: number): void {
    this.#planner.addSample(inputs);
    const { loop } = this.#parts;
    const { candidate } = loop.exposure;
    if (candidate === null || loop.state.heldBack !== undefined) return;
    this.#monitor.addSample(inputs, this.savesTime(rows) ? loop.thresholdsAt(candidate) : undefined);
  }

  /**
   * Time of the plain model ÷ time as served, over all of production: from timed sampled requests, or from the plan until
   * enough of them were timed. Null: not measured.
   *
   * @param share - pruned share, 0–1, of the requests for which pruning saves time.
   */
  speedup(share: number): Speedup | null {
    const timed = this.#monitor.speedup(share);
    if (timed !== null) return timed;
    const { plan } = this.#planner;
    const [largest] = plan.kind === 'measured' ? plan.buckets.filter(({ pays }) => pays) : [];
    return largest === undefined ? PLAIN : speedupOfShare(largest.speedup, share * this.#parts.loop.paying);
  }

  close(): void {
    this.#sites.unsubscribe();
    this.#planner.close();
  }

  /** Another replica has chosen sites that the plan here leaves alone: plain until there is a plan with them. */
  #replanWhereUncovered(gated: readonly boolean[] | undefined): void {
    const { plan } = this.#planner;
    if (plan.kind !== 'measured') return;
    if (plan.gatedBy.every((by, i) => by !== 'none' || gated?.[i] === false)) return;
    this.#monitor.restart();
    this.#planner.planAgain(0);
    queueMicrotask(() =>
      this.#parts.loop.timed('unmeasured', 'other sites are pruned than were measured here'),
    );
  }

  /** Goes back to the plain model if the sparse form is slower in production; a new plan is made later. */
  #withdrawIfSlower(): void {
    const { name, loop, log } = this.#parts;
    const timed = loop.state.heldBack === undefined ? this.#monitor.speedup(1) : null;
    if (timed === null || timed.high >= 1) return;
    const words = `pruning costs time in production: ${timed.ratio.toFixed(2)} × (${timed.low.toFixed(2)}–${timed.high.toFixed(2)})`;
    log.warn({ model: name }, words);
    this.#monitor.restart();
    this.#planner.planAgain(REPLAN_MS);
    loop.timed('unprofitable', words);
  }

  async #follow(plan: Plan, model: Uint8Array | undefined, isKept: boolean): Promise<void> {
    const { name, runtime, loop, log } = this.#parts;
    const isAdopted = model !== undefined && (await runtime.adopt?.(model)) === true;
    const words = describePlan(plan, model === undefined || isAdopted);
    log.info({ model: name, plan }, words);
    this.#monitor.restart();
    if (isAdopted && plan.kind === 'measured')
      loop.timed(undefined, words, { gated: plan.gatedBy.map((by) => by !== 'none'), isKept });
    else loop.timed('unprofitable', words);
  }
}

/** A plan in one sentence. */
export function describePlan(plan: Plan, isUsable: boolean): string {
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
      const sites =
        left === 0 ? '' : `, ${left} of ${plan.gatedBy.length} sites ${left === 1 ? 'is' : 'are'} not pruned`;
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
