import type { Answer } from './client.ts';

export interface ThresholdChange {
  /** Seconds since the demo began. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
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
  /** Share of nonzero activations that the gates zeroed, mean over the time in which a threshold was applied. */
  readonly sparsity: number;
  /** Share of the compared answers that clients got from the pruned model and that agree with the dense one. */
  readonly agreement: number | null;
  readonly compared: number;
  readonly drift: { readonly injectedAt: number; readonly detectedAt: number | null };
  readonly thresholdChanges: readonly ThresholdChange[];
  readonly latency: { readonly denseP50: number | null; readonly prunedP50: number | null };
  /** How it stood at the end. */
  readonly final: { readonly state: string; readonly threshold: number };
}

/** Client-side figures of a run. */
export class TrafficTally {
  readonly #dense: number[] = [];
  readonly #pruned: number[] = [];
  requests = 0;
  non2xx = 0;

  /** @param isDenseOnDemand - the request asked for the dense answer while a threshold was applied. */
  add(answer: Answer, isDenseOnDemand: boolean): void {
    this.requests++;
    if (answer.status < 200 || answer.status > 299) this.non2xx++;
    else if (isDenseOnDemand) this.#dense.push(answer.ms);
    else if (answer.threshold > 0) this.#pruned.push(answer.ms);
  }

  get latency(): DemoSummary['latency'] {
    return { denseP50: median(this.#dense), prunedP50: median(this.#pruned) };
  }
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
