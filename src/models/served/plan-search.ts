import type { BucketPlan } from '../../control/phases/kept-plan.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { PlanThread } from '../../runtime/local/plan-thread.ts';
import { candidateSets, type Layer, smallerSets, withDenseLayers } from '../../sparse/candidates.ts';
import { speedupOf, verdictOf } from '../../sparse/speedup.ts';

/** Sets of layers are looked for so long, in milliseconds; then the best so far is judged. */
const SEARCH_MS = 60_000;
/** After so long, in milliseconds, the best is judged by the rounds that it has: a slow model's are few. */
const JUDGE_MS = 20_000;
/** Rounds that sets of layers are compared by, before the best is judged. */
const FIRST_ROUNDS = 5;
/** A set with one layer less must be so much faster. */
const STEP = 1.02;

export interface SearchOptions {
  readonly thread: PlanThread;
  readonly layers: readonly Layer[];
  /** Requests to time, by the size that they stand for. */
  readonly requests: ReadonlyMap<number, readonly (readonly Tensor[])[]>;
  readonly outputs: readonly string[];
  readonly thresholds: Float32Array;
  /** Resolves when the next round may run. @throws Error when there will be none. */
  readonly turn: () => Promise<void>;
}

/** Layers that skip zeros, and what they gain at every size of request. */
export interface Chosen {
  readonly set: readonly number[];
  readonly buckets: readonly BucketPlan[];
}

/**
 * Times sets of layers against the plain model, takes the fastest at the commonest size of request, and judges it at each.
 *
 * @throws Error where no layer can be sparse, or a sparse form cannot be run.
 */
export async function searchPlan(options: SearchOptions): Promise<Chosen> {
  const { layers, requests } = options;
  const sizes = [...requests].sort(([, a], [, b]) => b.length - a.length).map(([rows]) => rows);
  const [commonest] = sizes;
  if (commonest === undefined || layers.length === 0) throw new Error('no layer of this model can be sparse');
  const set = await fastestSet(options, commonest);
  const buckets: BucketPlan[] = [];
  for (const rows of sizes) buckets.push(await judged(new Timing(options, set, rows), rows));
  return { set, buckets };
}

async function fastestSet(options: SearchOptions, rows: number): Promise<readonly number[]> {
  let best: { readonly set: readonly number[]; readonly ms: number } | undefined;
  const consider = async (set: readonly number[], step: number): Promise<boolean> => {
    const timing = new Timing(options, set, rows);
    await timing.more(FIRST_ROUNDS);
    // What disturbs a run only makes it longer.
    const ms = Math.min(...timing.sparseMs);
    const isBetter = best === undefined || ms * step < best.ms;
    if (isBetter) best = { set, ms };
    return isBetter;
  };
  const until = performance.now() + SEARCH_MS;
  const hasTime = (): boolean => performance.now() < until;
  for (const set of candidateSets(options.layers))
    if (best === undefined || hasTime()) await consider(set, 1);
  const withDense = withDenseLayers(best?.set ?? [], options.layers);
  if (withDense !== undefined && (best === undefined || hasTime())) await consider(withDense, 1);
  for (let isBetter = true; isBetter && hasTime(); ) {
    isBetter = false;
    for (const set of smallerSets(best!.set))
      if (hasTime()) isBetter = (await consider(set, STEP)) || isBetter;
  }
  return best!.set;
}

async function judged(timing: Timing, rows: number): Promise<BucketPlan> {
  const { ratios, plainMs, sparseMs } = timing;
  const until = performance.now() + JUDGE_MS;
  await timing.more(FIRST_ROUNDS);
  while (verdictOf(ratios, performance.now() > until) === 'open') await timing.more(1);
  return {
    rows,
    pays: verdictOf(ratios, true) === 'faster',
    speedup: speedupOf(ratios),
    plainMs: speedupOf(plainMs).ratio,
    sparseMs: speedupOf(sparseMs).ratio,
  };
}

/** Rounds of one set of layers at one size of request, on the requests in turn. */
class Timing {
  readonly ratios: number[] = [];
  readonly plainMs: number[] = [];
  readonly sparseMs: number[] = [];
  readonly #options: SearchOptions;
  readonly #set: readonly number[];
  readonly #requests: readonly (readonly Tensor[])[];

  constructor(options: SearchOptions, set: readonly number[], rows: number) {
    this.#options = options;
    this.#set = set;
    this.#requests = options.requests.get(rows)!;
  }

  async more(rounds: number): Promise<void> {
    const { thread, outputs, thresholds, turn } = this.#options;
    for (let i = 0; i < rounds; i++) {
      await turn();
      const inputs = this.#requests[this.ratios.length % this.#requests.length]!;
      const { plainMs, sparseMs } = await thread.round({ set: this.#set, inputs, outputs, thresholds });
      this.ratios.push(plainMs / sparseMs);
      this.plainMs.push(plainMs);
      this.sparseMs.push(sparseMs);
    }
  }
}
