import { setTimeout } from 'node:timers/promises';
import { messageOf } from '../../config/errors.ts';
import type { BucketPlan, KeptPlan } from '../../control/phases/kept-plan.ts';
import type { GatedBy } from '../../onnx/sparse/sparsify.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { LayerReport, PlanSetup } from '../../runtime/local/plan-messages.ts';
import { PlanThread } from '../../runtime/local/plan-thread.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Layer } from '../../sparse/candidates.ts';
import { type Chosen, searchPlan } from './plan-search.ts';

/** Which layers are sparse, and what that gains. */
export type Plan =
  | { readonly kind: 'unmeasured' }
  /** Nothing can be measured: no kernels, no layer that could be sparse, or it fails. */
  | { readonly kind: 'impossible'; readonly reason: string; readonly layers: readonly LayerReport[] }
  | {
      readonly kind: 'measured';
      /** τ that the density of the operators' inputs belongs to. */
      readonly threshold: number;
      readonly layers: readonly (LayerReport & { readonly isSparse: boolean })[];
      /** The sparse ones, by their index among those that can be. */
      readonly set: readonly number[];
      /** What compares each site with its threshold; a site that would cost more than it saves is not gated. */
      readonly gatedBy: readonly GatedBy[];
      readonly buckets: readonly BucketPlan[];
    };

export interface PlannerOptions {
  readonly setup: Omit<PlanSetup, 'gated'>;
  /** Sites that are gated already, which a plan keeps to; null: it is free to leave out sites. */
  readonly gatedNow: () => readonly boolean[] | null;
  readonly outputs: readonly string[];
  /** How many the model has. */
  readonly sites: number;
  readonly runtime: Pick<Runtime, 'pending'>;
  /** A plan from before a restart, which holds until another is needed. */
  readonly kept?: KeptPlan | null | undefined;
  /** Told of every plan, with the rewritten model where some request gains, and whether it is from before a restart. */
  readonly onPlan: (plan: Plan, model: Uint8Array | undefined, isKept: boolean) => void;
}

/** Requests that are kept per size, while a plan needs them, and bytes over all sizes. */
const KEPT = 8;
const KEPT_BYTES = 1 << 26;
/** A plan by which nothing is gained is made again after so long, in milliseconds: the machine may have been busy. */
const RETRY_MS = 600_000;
/** Requests of a size that a plan begins with. */
const ENOUGH = 3;
/** A threshold that is lower or higher by this factor is planned for anew. */
const OTHER_THRESHOLD = 1.25;
/** How long a round waits for the server to be idle, and how often it looks. */
const PATIENCE_MS = 1000;
const LOOK_MS = 2;

/**
 * Finds out whether pruning saves time, and by which layers: whole sessions are timed against the plain one in a thread of
 * its own, on sampled requests, while production has nothing to do. In doubt plain stays.
 */
export class TimePlanner {
  readonly #options: PlannerOptions;
  readonly #kept = new Map<number, (readonly Tensor[])[]>();
  #keptBytes = 0;
  #plan: Plan = { kind: 'unmeasured' };
  #wanted = 0;
  #isPlanning = false;
  #isClosed = false;
  #notBefore = 0;
  #madeAt = 0;

  constructor(options: PlannerOptions) {
    this.#options = options;
    const { kept } = options;
    if (kept != null && kept.under === this.#under) {
      this.#wanted = kept.threshold;
      this.#plans(() => this.#again(kept));
    }
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** Whether pruning saves time for a request of so many rows; false where it was not measured. */
  pays(rows: number): boolean {
    const plan = this.#plan;
    return (
      plan.kind === 'measured' && plan.buckets.some((bucket) => bucket.rows === bucketOf(rows) && bucket.pays)
    );
  }

  /** A sampled request, which is kept where a plan needs it. Its memory must not be changed afterwards. */
  offer(inputs: readonly Tensor[]): void {
    const rows = bucketOf(inputs[0]?.shape[0] ?? 1);
    const kept = this.#kept.get(rows) ?? [];
    const bytes = bytesOf(inputs);
    if (!this.#needs(rows) || kept.length >= KEPT || this.#keptBytes + bytes > KEPT_BYTES) return;
    this.#kept.set(rows, [...kept, inputs]);
    this.#keptBytes += bytes;
    this.#begin();
  }

  /** The threshold that production is at or heading for; 0: none. */
  want(threshold: number): void {
    this.#wanted = threshold;
    this.#begin();
  }

  /** Forgets the plan; a new one is made after so many milliseconds at the earliest. */
  planAgain(afterMs: number): void {
    this.#plan = { kind: 'unmeasured' };
    this.#notBefore = performance.now() + afterMs;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Whether the latest plan says nothing of requests of this size, or was made for another threshold. */
  #needs(rows: number): boolean {
    const plan = this.#plan;
    if (this.#wanted === 0 || this.#isClosed || plan.kind === 'impossible') return false;
    if (performance.now() < this.#notBefore) return false;
    if (plan.kind === 'unmeasured') return true;
    if (performance.now() > this.#madeAt + RETRY_MS && !plan.buckets.some(({ pays }) => pays)) return true;
    const factor = this.#wanted / plan.threshold;
    const isOther = factor > OTHER_THRESHOLD || factor < 1 / OTHER_THRESHOLD;
    return isOther || !plan.buckets.some((bucket) => bucket.rows === rows);
  }

  get #isDue(): boolean {
    return [...this.#kept].some(([rows, { length }]) => length >= ENOUGH && this.#needs(rows));
  }

  #begin(): void {
    if (this.#isPlanning || !this.#isDue) return;
    this.#plans(() => this.#make());
  }

  #plans(make: () => Promise<void>): void {
    this.#isPlanning = true;
    void make().finally(() => {
      this.#isPlanning = false;
      this.#kept.clear();
      this.#keptBytes = 0;
    });
  }

  get #under(): string {
    const { kernels, intraOpThreads } = this.#options.setup;
    return `${kernels}, ${intraOpThreads}`;
  }

  /** What outlives a restart; null: nothing is gained, or known. */
  get keepsake(): KeptPlan | null {
    const plan = this.#plan;
    if (plan.kind !== 'measured' || !plan.buckets.some(({ pays }) => pays)) return null;
    const { threshold, set, buckets } = plan;
    return { under: this.#under, threshold, layers: set, buckets };
  }

  /** A plan that was made before a restart. One that does not fit the model is none, and another is made. */
  async #again({ threshold, layers, buckets }: KeptPlan): Promise<void> {
    const { plan, model } = await this.#planned(threshold, () => Promise.resolve({ set: layers, buckets }));
    if (plan.kind === 'measured') this.#tell(plan, model, true);
  }

  async #make(): Promise<void> {
    const threshold = this.#wanted;
    const { outputs, sites } = this.#options;
    const thresholds = new Float32Array(sites).fill(threshold);
    const turn = () => this.#idle();
    const { plan, model } = await this.#planned(threshold, (thread, layers) =>
      searchPlan({ thread, layers, requests: this.#kept, outputs, thresholds, turn }),
    );
    this.#tell(plan, model, false);
  }

  /** @returns with the rewritten model where some request gains. */
  async #planned(
    threshold: number,
    choose: (thread: PlanThread, layers: readonly Layer[]) => Promise<Chosen>,
  ): Promise<{ readonly plan: Plan; readonly model: Uint8Array | undefined }> {
    let thread: PlanThread | undefined;
    let layers: readonly LayerReport[] = [];
    try {
      const { setup, gatedNow } = this.#options;
      const opened = await PlanThread.open({ ...setup, gated: gatedNow() ?? 'where-free' });
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

  #tell(plan: Plan, model: Uint8Array | undefined, isKept: boolean): void {
    if (this.#isClosed) return;
    this.#madeAt = performance.now();
    this.#plan = plan;
    this.#options.onPlan(plan, model, isKept);
  }

  /** Production goes first; where it never rests, a round a second is all that it is asked for. */
  async #idle(): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    do {
      if (this.#isClosed) throw new Error('the server is shutting down');
      await setTimeout(LOOK_MS);
    } while (this.#options.runtime.pending > 0 && performance.now() < until);
  }
}

function bytesOf(inputs: readonly Tensor[]): number {
  return inputs.reduce(
    (sum, { elements }) => sum + (ArrayBuffer.isView(elements) ? elements.buffer.byteLength : KEPT_BYTES),
    0,
  );
}

/** The next power of two. */
function bucketOf(rows: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, rows)));
}
