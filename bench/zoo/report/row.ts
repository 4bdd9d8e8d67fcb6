import type { Feature } from '../../../dist/criticality/critical-point.js';
import type { RetainedTotal } from '../../../dist/criticality/free-energy.js';
import type { PrunedPoint } from '../../../dist/criticality/full-evaluation.js';
import type { Entry } from '../entries.mjs';

/** What a pruned network lets pass, and how it answers. */
export interface Pruned {
  readonly retained: RetainedTotal;
  readonly accuracy: number;
  /** With the dense network. */
  readonly agreement: number;
}

/** The network pruned at one threshold of the grid. */
export interface Point extends Pruned {
  readonly threshold: number;
  readonly point: PrunedPoint;
}

/** What a rule chooses for a model, and the pruned network there. */
export interface Choice {
  /** One for all sites; missing where each has its own. */
  readonly threshold?: number;
  /** β that the dense run predicts. */
  readonly sparsity: number;
  readonly kind: string;
  readonly interval?: readonly [number, number];
  readonly accuracy: number;
  readonly agreement: number;
}

/** By key of the rule; null where it finds no feature. */
export type Choices = Readonly<Record<string, Choice | null>>;

/** β* of every rule on parts of the inputs, by key of the rule. */
export interface Parts {
  readonly rows: number;
  readonly sparsities: Readonly<Record<string, readonly (number | null)[]>>;
}

export interface Times {
  readonly fullSeconds: number;
  readonly renormalizedSeconds: number;
  readonly windowSeconds: number;
}

/** By the clock, and of processor time. */
export type Timings = Times & { readonly cpu: Times };

/** F of the dense and of the pruned network along the thresholds of the grid; in JSON, null is what is not finite. */
export interface RowCurve {
  readonly thresholds: readonly number[];
  readonly renormalized: readonly number[];
  readonly continuous: readonly number[];
  readonly sparsity: readonly number[];
  readonly full: readonly number[];
  readonly fullSparsity: readonly number[];
  readonly accuracy: readonly number[];
  readonly agreement: readonly number[];
}

export interface Limits {
  readonly oracle: { readonly threshold: number; readonly sparsity: number; readonly accuracy: number };
  readonly collapse: { readonly threshold: number; readonly sparsity: number } | null;
}

/** One seed of an entry of the zoo: what each rule finds. */
export type SeedMeasured = Pick<Entry, 'name' | 'entry' | 'architecture' | 'dataset' | 'seed'> & {
  readonly denseAccuracy: number;
  readonly rules: Choices;
};

/** One row of the table. */
export type RowMeasured = SeedMeasured &
  Limits & {
    readonly rows: number;
    readonly curve: RowCurve;
    readonly features: readonly (Feature & { readonly accuracy: number; readonly agreement: number })[];
    readonly fullFeatures: readonly Feature[];
    readonly subsamples: Parts;
    /** Of a model with fewer than five times 500 inputs: five smaller parts. */
    readonly fifths?: Parts;
    readonly streamed: { readonly threshold: number; readonly sparsity: number } | null;
    readonly scaled: {
      readonly rows: number;
      readonly factors: readonly number[];
      readonly sparsities: readonly (number | null)[];
    };
    readonly timings: Timings;
  };

/** How long it took to measure. */
export interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export type Row = RowMeasured & Cost;
export type Seed = SeedMeasured & Cost;

/** What docs/paper-reproduction.json holds. */
export interface Report {
  readonly machine: string;
  readonly isResumed: boolean;
  readonly isRetimed?: boolean;
  readonly rows: readonly Row[];
  readonly seeds: readonly Seed[];
}

/** What `measure` gives, or gave in a run that was cut off. */
export type Kept = <T>(part: string, measure: () => Promise<T>) => Promise<T>;
