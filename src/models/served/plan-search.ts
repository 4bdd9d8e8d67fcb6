import type { BucketPlan } from '../../control/phases/kept-plan.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { PlanThread } from '../../runtime/local/plan-thread.ts';
import { candidateSets, type Layer, smallerSets, withDenseLayers } from '../../sparse/candidates.ts';
import { speedupOf, verdictOf } from '../../sparse/speedup.ts';

/** Longest search for sets of layers, in milliseconds; then the best so far is judged. */
const SEARCH_MS = 60_000;
/** Longest time for judging the best set, in milliseconds; a slow model gets few rounds in it. */
const JUDGE_MS = 20_000;
/** Rounds by which sets of layers are compared. */
const FIRST_ROUNDS = 5;
/** Factor by which a set with one layer less must be faster. */
const SMALLER_SET_FACTOR = 1.02;

export interface SearchOptions {
  readonly thread: PlanThread;
  readonly layers: readonly Layer[];
  /** Requests to time, by number of rows. */
  readonly requests: ReadonlyMap<number, readonly (readonly Tensor[])[]>;
  readonly outputs: readonly string[];
  readonly thresholds: Float32Array;
  /** Resolves when the server is idle, so that the next round may run. @throws Error if there will be no further round. */
  readonly untilIdle: () => Promise<void>;
}

/** Layers that skip zeros, and the speedup at every size of request. */
export interface FoundPlan {
  readonly set: readonly number[];
  readonly buckets: readonly BucketPlan[];
}

/**
 * Times sets of layers against the plain model, takes the fastest at the commonest request size, and judges it at every size.
 *
 * @throws Error where no layer can be sparse, or a sparse form cannot be run.
 */
export async function searchPlan(options: SearchOptions): Promise<FoundPlan> {
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
  const consider = async (set: readonly number[], factor: number): Promise<boolean> => {
    const timing = new Timing(options, set, rows);
    await timing.run(FIRST_ROUNDS);
    // The minimum, because disturbances only make a run longer.
    const ms = Math.min(...timing.sparseMs);
    const isBetter = best === undefined || ms * factor < best.ms;
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
      if (hasTime()) isBetter = (await consider(set, SMALLER_SET_FACTOR)) || isBetter;
  }
  return best!.set;
}

async function judged(timing: Timing, rows: number): Promise<BucketPlan> {
  const { ratios, plainMs, sparseMs } = timing;
  const until = performance.now() + JUDGE_MS;
  await timing.run(FIRST_ROUNDS);
  while (verdictOf(ratios, performance.now() > until) === 'open') await timing.run(1);
  return {
    rows,
    pays: verdictOf(ratios, true) === 'faster',
    speedup: speedupOf(ratios),
    plainMs: speedupOf(plainMs).ratio,
    sparseMs: speedupOf(sparseMs).ratio,
  };
}

/** The measured rounds of one set of layers at one request size; the requests take turns. */
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

  async run(rounds: number): Promise<void> {
    const { thread, outputs, thresholds, untilIdle } = this.#options;
    for (let i = 0; i < rounds; i++) {
      await untilIdle();
      const inputs = this.#requests[this.ratios.length % this.#requests.length]!;
      const { plainMs, sparseMs } = await thread.round({ set: this.#set, inputs, outputs, thresholds });
      this.ratios.push(plainMs / sparseMs);
      this.plainMs.push(plainMs);
      this.sparseMs.push(sparseMs);
    }
  }
}
