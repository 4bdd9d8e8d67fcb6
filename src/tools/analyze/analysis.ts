import type { Feature } from '../../criticality/critical-point.ts';
import type { FeatureKind } from '../../criticality/features.ts';
import type { Temperature } from '../../criticality/free-energy.ts';
import type { AnswerMeasure } from './answer-measure.ts';
import type { ObjectiveLosses } from './objective-pass.ts';

export type Rule = 'significant' | 'paper';

/** Values along the thresholds; null where a quantity does not exist, as F where nothing remains. */
export type Curve = readonly (number | null)[];

export interface AnalyzedSite {
  readonly name: string;
  readonly op: string;
  /** Share of its activations that are exactly zero without any pruning; null when it had no finite activation. */
  readonly zeroRatio: number | null;
  /** Nonzero activations N. */
  readonly activations: number;
  /** Share of them below the critical threshold, or the one that was asked for; absent without one. */
  readonly sparsity?: number;
  /** Σ₀/N, in units of activation. */
  readonly meanMagnitude: number | null;
}

export interface RenormalizedCurve {
  readonly freeEnergy: Curve;
  readonly sparsity: Curve;
  readonly internalEnergy: Curve;
}

/** Full evaluation: the pruned network was run at every threshold. */
export interface FullEvaluation {
  readonly freeEnergy: Curve;
  readonly sparsity: Curve;
  readonly internalEnergy: Curve;
  /** Share of answers that equal the label; only with labels. */
  readonly accuracy?: Curve;
  /** Share of answers whose class equals the dense model's; only when the model gives class scores. */
  readonly agreement?: Curve;
  /** Features of this F by the same rule; for the rule `significant` only on the grid of its own. */
  readonly features: readonly Feature[];
}

export interface CriticalThreshold {
  readonly threshold: number;
  readonly sparsity: number;
  readonly feature: FeatureKind;
  readonly interval: readonly [number, number];
}

/** What the model answers: dense, and pruned at the critical threshold when there is one. */
export interface Answers {
  readonly denseAccuracy?: number;
  readonly criticalAccuracy?: number;
  readonly criticalAgreement?: number;
  /** β of the pruned network itself, where earlier gates change what later ones see. */
  readonly criticalSparsity?: number;
}

/** What is lost by pruning, in short. */
export interface LossSummary {
  /** What answers are judged by: 'margin', or several, as 'margin, spread'. */
  readonly measure: string;
  /** Mean loss of the pruned answers at τ*, 0–1; null without one, or where answers cannot be judged. */
  readonly atCritical: number | null;
  /** The largest threshold within the default objective, and β there; null: none is, or answers cannot be judged. */
  readonly largestWithinObjective: { readonly threshold: number; readonly sparsity: number } | null;
}

/** The result of `taustat analyze`; as JSON it is the command's contract. */
export interface Analysis {
  readonly model: string;
  readonly rows: number;
  readonly sites: readonly AnalyzedSite[];
  readonly skippedSites: number;
  readonly rule: Rule;
  readonly temperature: Temperature;
  /** s of the temperature s/τ, in units of activation; null without activations. */
  readonly temperatureScale: number | null;
  readonly thresholds: readonly number[];
  readonly renormalized: RenormalizedCurve;
  readonly full?: FullEvaluation;
  /** The grid that the features were looked for on; `continuous` is F summed over sites, without atoms, smoothed. */
  readonly curve: RenormalizedCurve & { readonly thresholds: readonly number[]; readonly continuous: Curve };
  readonly features: readonly Feature[];
  readonly critical: CriticalThreshold | null;
  /** How a server would judge the answers. */
  readonly measure: AnswerMeasure;
  /** What is lost by that measure at τ*, and how far τ may go. */
  readonly objective: ObjectiveLosses;
  /** Both in short. */
  readonly loss: LossSummary;
  readonly answers?: Answers;
  readonly timings: {
    /** One dense pass with its histograms, and everything read from them. */
    readonly renormalizedSeconds: number;
    /** From histograms that are already there to the critical threshold: what a server pays. Median. */
    readonly windowSeconds: number;
    readonly fullSeconds?: number;
  };
}

export function lossSummary({ measure }: AnswerMeasure, { critical, within }: ObjectiveLosses): LossSummary {
  return {
    measure,
    atCritical: critical?.loss ?? null,
    largestWithinObjective:
      within === null ? null : { threshold: within.threshold, sparsity: within.sparsity },
  };
}

/** Numbers for JSON: what is not finite becomes null. */
export function curveOf(values: ArrayLike<number>): Curve {
  return Array.from(values, (value) => (Number.isFinite(value) ? value : null));
}
