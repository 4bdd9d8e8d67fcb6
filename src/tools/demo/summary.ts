import { PLAIN, type Speedup } from '../../sparse/speedup.ts';
import type { Answer } from './client.ts';

export interface ThresholdChange {
  /** Seconds since the demo began. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
  /** Share of production that is at the candidate from then on. */
  readonly exposure: number;
  readonly reason: string;
  readonly detail: string;
}

/** What `taustat demo --json` prints. Times are seconds since the start, latencies milliseconds at the client. */
export interface DemoSummary {
  readonly model: string;
  readonly seconds: number;
  readonly requests: number;
  readonly non2xx: number;
  /** The latest critical threshold τ*; null when the free energy shows no feature. */
  readonly criticalThreshold: number | null;
  readonly criticalSparsity: number | null;
  /** What kind of feature τ* is; `none` is a result. */
  readonly feature: string;
  /** Of all answers, dense ones included, mean over the time in which some were pruned; null: none was. */
  readonly loss: { readonly mean: number | null; readonly allowed: number };
  /** Share of production that was pruned, mean over the whole time. */
  readonly exposure: number;
  /** Share of nonzero activations that the gates zeroed in all of production, mean over the whole time. */
  readonly sparsity: number;
  /** Share of the compared answers that clients got from the pruned model and that agree with the dense one. */
  readonly agreement: number | null;
  readonly compared: number;
  readonly drift: { readonly injectedAt: number; readonly detectedAt: number | null };
  readonly thresholdChanges: readonly ThresholdChange[];
  readonly latency: { readonly denseP50: number | null; readonly prunedP50: number | null };
  /**
   * Time of the plain model over time as served, when most of production was pruned: sampled requests were run both ways in the
   * workers that serve. 1: nothing was pruned, since it would not have saved time, or nothing was proven.
   */
  readonly speedup: Speedup;
  /** Share of multiplications that were left out then, of the layers that skip zeros. */
  readonly macsSkipped: number;
  /** How it stood at the end. */
  readonly final: {
    readonly state: string;
    readonly threshold: number;
    readonly exposure: number;
    /** Why. */
    readonly detail: string;
  };
}

/** Latencies of the answers of one second, in milliseconds. */
interface Second {
  readonly dense: number[];
  readonly pruned: number[];
}

/** Client-side figures of a run. */
export class TrafficTally {
  readonly #seconds = new Map<number, Second>();
  requests = 0;
  non2xx = 0;

  /**
   * @param at - seconds since the start.
   * @param isOnDemand - the request asked for the dense answer.
   */
  add(answer: Answer, at: number, isOnDemand: boolean): void {
    this.requests++;
    if (answer.status < 200 || answer.status > 299) {
      this.non2xx++;
      return;
    }
    const second = this.#second(Math.floor(at));
    if (answer.threshold > 0) second.pruned.push(answer.ms);
    else if (answer.threshold === 0 && isOnDemand) second.dense.push(answer.ms);
  }

  /** What answers are is what they say themselves. Only seconds that have both kinds count: the machine's speed changes. */
  get latency(): DemoSummary['latency'] {
    const both = [...this.#seconds.values()].filter(
      ({ dense, pruned }) => dense.length > 0 && pruned.length > 0,
    );
    return {
      denseP50: median(both.flatMap(({ dense }) => dense)),
      prunedP50: median(both.flatMap(({ pruned }) => pruned)),
    };
  }

  #second(at: number): Second {
    const known = this.#seconds.get(at) ?? { dense: [], pruned: [] };
    this.#seconds.set(at, known);
    return known;
  }
}

/** What is known of production over a run, from reports in equal steps of time. */
export class ProductionTally {
  #reports = 0;
  #exposure = 0;
  #sparsity = 0;
  readonly #losses: number[] = [];
  #most = { pruned: 0, speedup: PLAIN, macsSkipped: 0 };

  add({ exposure, production, sparsity, loss, speedup, macsSkipped }: ProductionReading): void {
    const pruned = production.rest > 0 ? 1 : exposure;
    if (pruned > 0 && pruned >= this.#most.pruned && speedup !== null)
      this.#most = { pruned, speedup, macsSkipped };
    this.#reports++;
    this.#exposure += pruned;
    // A threshold that has only just been applied is not measured yet.
    this.#sparsity += pruned === 0 ? 0 : (sparsity ?? 0);
    if (pruned > 0 && loss.mean !== null) this.#losses.push(pruned * loss.mean);
  }

  /** When most of production was pruned, the last time. */
  get gain(): Pick<DemoSummary, 'speedup' | 'macsSkipped'> {
    const { speedup, macsSkipped } = this.#most;
    return { speedup, macsSkipped };
  }

  get figures(): { readonly exposure: number; readonly sparsity: number; readonly loss: number | null } {
    const of = (sum: number) => (this.#reports === 0 ? 0 : sum / this.#reports);
    const losses = this.#losses;
    const loss = losses.length === 0 ? null : losses.reduce((a, b) => a + b, 0) / losses.length;
    return { exposure: of(this.#exposure), sparsity: of(this.#sparsity), loss };
  }
}

interface ProductionReading {
  readonly exposure: number;
  readonly production: { readonly rest: number };
  readonly sparsity: number | null;
  readonly loss: { readonly mean: number | null };
  readonly speedup: Speedup | null;
  readonly macsSkipped: number;
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
