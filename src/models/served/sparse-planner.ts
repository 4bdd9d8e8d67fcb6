import { setTimeout } from 'node:timers/promises';
import { messageOf } from '../../config/errors.ts';
import type { BucketPlan, KeptPlan } from '../../control/phases/kept-plan.ts';
import type { GatedBy } from '../../onnx/sparse/sparsify.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { LayerReport, PlanSetup } from '../../runtime/local/plan-messages.ts';
import { PlanThread } from '../../runtime/local/plan-thread.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Layer } from '../../sparse/candidates.ts';
import { type FoundPlan, searchPlan } from './plan-search.ts';

/** Which layers skip zeros, and the speedup of that. */
export type Plan =
  | { readonly kind: 'unmeasured' }
  /** Nothing can be measured: no kernels, no suitable layer, or a failure. */
  | { readonly kind: 'impossible'; readonly reason: string; readonly layers: readonly LayerReport[] }
  | {
      readonly kind: 'measured';
      /** τ of the measurement. */
      readonly threshold: number;
      readonly layers: readonly (LayerReport & { readonly isSparse: boolean })[];
      /** Indices of the sparse layers among those that can be sparse. */
      readonly set: readonly number[];
      /** What gates each site; a site that would cost more than it saves is not gated. */
      readonly gatedBy: readonly GatedBy[];
      readonly buckets: readonly BucketPlan[];
    };

export interface PlannerOptions {
  readonly setup: Omit<PlanSetup, 'gated'>;
  /** The gated sites, which a plan must keep; null: the plan chooses the sites. */
  readonly gatedSites: () => readonly boolean[] | null;
  readonly outputs: readonly string[];
  /** Number of sites of the model. */
  readonly sites: number;
  readonly runtime: Pick<Runtime, 'pending'>;
  /** A plan from before a restart, used until another is needed. */
  readonly kept?: KeptPlan | null | undefined;
  /** Called with every plan, the rewritten model if any request gains, and whether the plan is from before a restart. */
  readonly onPlan: (plan: Plan, model: Uint8Array | undefined, isKept: boolean) => void;
}

/** Most requests kept per size while a plan needs them, and most bytes of all. */
const MAX_KEPT = 8;
const MAX_KEPT_BYTES = 1 << 26;
/** Pause before a plan without gain is made again, in milliseconds: the machine may have been busy. */
const RETRY_MS = 600_000;
/** Least requests of one size for a plan. */
const MIN_REQUESTS = 3;
/** A threshold that is lower or higher by this factor needs a new plan. */
const REPLAN_FACTOR = 1.25;
/** Longest wait of a round for an idle server, and time between two checks. */
const IDLE_TIMEOUT_MS = 1000;
const IDLE_CHECK_MS = 2;

/**
 * Measures whether pruning saves time, and which layers should skip zeros: whole sessions are timed against the plain one,
 * in a thread of their own, on sampled requests, while production is idle. In doubt the plain model stays.
 */
export class SparsePlanner {
  readonly #options: PlannerOptions;
  readonly #kept = new Map<number, (readonly Tensor[])[]>();
  #keptBytes = 0;
  #plan: Plan = { kind: 'unmeasured' };
  #target = 0;
  #isPlanning = false;
  #isClosed = false;
  #notBefore = 0;
  #madeAt = 0;

  constructor(options: PlannerOptions) {
    this.#options = options;
    const { kept } = options;
    if (kept != null && kept.under === this.#conditions) {
      this.#target = kept.threshold;
      this.#start(() => this.#restore(kept));
    }
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** Whether pruning saves time for a request of `rows` rows; false if it was not measured. */
  savesTime(rows: number): boolean {
    const plan = this.#plan;
    return (
      plan.kind === 'measured' && plan.buckets.some((bucket) => bucket.rows === bucketOf(rows) && bucket.pays)
    );
  }

  /** Takes a sampled request, and keeps it if a plan needs it. Its memory must not change afterwards. */
  addSample(inputs: readonly Tensor[], rowCount = inputs[0]?.shape[0] ?? 1): void {
    const rows = bucketOf(rowCount);
    const kept = this.#kept.get(rows) ?? [];
    const bytes = bytesOf(inputs);
    if (!this.#needs(rows) || kept.length >= MAX_KEPT || this.#keptBytes + bytes > MAX_KEPT_BYTES) return;
    this.#kept.set(rows, [...kept, inputs]);
    this.#keptBytes += bytes;
    this.#startIfDue();
  }

  /** Sets the threshold that production is at or ramping up to; 0: none. */
  setTarget(threshold: number): void {
    this.#target = threshold;
    this.#startIfDue();
  }

  /** Drops the plan; a new one is made after `afterMs` at the earliest. */
  planAgain(afterMs: number): void {
    this.#plan = { kind: 'unmeasured' };
    this.#notBefore = performance.now() + afterMs;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Whether the latest plan does not cover requests of this size, or is for another threshold. */
  #needs(rows: number): boolean {
    const plan = this.#plan;
    if (this.#target === 0 || this.#isClosed || plan.kind === 'impossible') return false;
    if (performance.now() < this.#notBefore) return false;
    if (plan.kind === 'unmeasured') return true;
    if (performance.now() > this.#madeAt + RETRY_MS && !plan.buckets.some(({ pays }) => pays)) return true;
    const factor = this.#target / plan.threshold;
    const isOther = factor > REPLAN_FACTOR || factor < 1 / REPLAN_FACTOR;
    return isOther || !plan.buckets.some((bucket) => bucket.rows === rows);
  }

  get #isDue(): boolean {
    return [...this.#kept].some(([rows, { length }]) => length >= MIN_REQUESTS && this.#needs(rows));
  }

  #startIfDue(): void {
    if (this.#isPlanning || !this.#isDue) return;
    this.#start(() => this.#make());
  }

  #start(make: () => Promise<void>): void {
    this.#isPlanning = true;
    void make().finally(() => {
      this.#isPlanning = false;
      this.#kept.clear();
      this.#keptBytes = 0;
    });
  }

  /** What a measured plan depends on besides the model. */
  get #conditions(): string {
    const { kernels, intraOpThreads } = this.#options.setup;
    return `${kernels}, ${intraOpThreads}`;
  }

  /** The plan to keep over a restart; null: none, or one without gain. */
  get planToKeep(): KeptPlan | null {
    const plan = this.#plan;
    if (plan.kind !== 'measured' || !plan.buckets.some(({ pays }) => pays)) return null;
    const { threshold, set, buckets } = plan;
    return { under: this.#conditions, threshold, layers: set, buckets };
  }

  /** Restores a plan from before a restart. If it does not fit the model, another is made. */
  async #restore({ threshold, layers, buckets }: KeptPlan): Promise<void> {
    const { plan, model } = await this.#planned(threshold, () => Promise.resolve({ set: layers, buckets }));
    if (plan.kind === 'measured') this.#report(plan, model, true);
  }

  async #make(): Promise<void> {
    const threshold = this.#target;
    const { outputs, sites } = this.#options;
    const thresholds = new Float32Array(sites).fill(threshold);
    const untilIdle = () => this.#untilIdle();
    const { plan, model } = await this.#planned(threshold, (thread, layers) =>
      searchPlan({ thread, layers, requests: this.#kept, outputs, thresholds, untilIdle }),
    );
    this.#report(plan, model, false);
  }

  /** @returns the plan, and the rewritten model if any request gains. */
  async #planned(
    threshold: number,
    choose: (thread: PlanThread, layers: readonly Layer[]) => Promise<FoundPlan>,
  ): Promise<{ readonly plan: Plan; readonly model: Uint8Array | undefined }> {
    let thread: PlanThread | undefined;
    let layers: readonly LayerReport[] = [];
    try {
      const { setup, gatedSites } = this.#options;
      const opened = await PlanThread.open({ ...setup, gated: gatedSites() ?? 'where-it-pays' });
      thread = opened.thread;
      layers = opened.model.reports;
      const { set, buckets } = await choose(thread, opened.model.layers);
      const { model, gatedBy } = await thread.rewrite(set);
      const planned = layers.map((layer, i) => ({ ...layer, isSparse: set.includes(i) }));
      const isUsed = buckets.some(({ pays }) => pays);
      const plan: Plan = { kind: 'measured', threshold, layers: planned, set, gatedBy, buckets };
      return { plan, model: isUsed ? model : undefined };
    } catch (error) {
      return { plan: { kind: 'impossible', reason: messageOf(error), layers }, model: undefined };
    } finally {
      thread?.close();
    }
  }

  #report(plan: Plan, model: Uint8Array | undefined, isKept: boolean): void {
    if (this.#isClosed) return;
    this.#madeAt = performance.now();
    this.#plan = plan;
    this.#options.onPlan(plan, model, isKept);
  }

  /** Waits until production is idle; if it never is, one round per second runs all the same. */
  async #untilIdle(): Promise<void> {
    const until = performance.now() + IDLE_TIMEOUT_MS;
    do {
      if (this.#isClosed) throw new Error('the server is shutting down');
      await setTimeout(IDLE_CHECK_MS);
    } while (this.#options.runtime.pending > 0 && performance.now() < until);
  }
}

function bytesOf(inputs: readonly Tensor[]): number {
  return inputs.reduce(
    (sum, { elements }) => sum + (ArrayBuffer.isView(elements) ? elements.buffer.byteLength : MAX_KEPT_BYTES),
    0,
  );
}

/** The next power of two. */
function bucketOf(rows: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, rows)));
}
