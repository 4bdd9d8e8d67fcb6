import type { Objective } from '../../control/guard/objective.ts';
import type { Tensor } from '../../protocol/types.ts';
import { type AgreementOptions, type Comparison, compare, compareJudged } from './agreement.ts';
import { decideObjective } from './objective.ts';
import { Pilot } from './pilot.ts';

/** Dense answers that an objective is decided on. */
const PILOT_REQUESTS = 240;
/** Where several replicas sample the traffic, so many of one at least: they tell of what kind the outputs are. */
const LEAST_REQUESTS = 64;
/** Of these, requests that are also run at the highest candidate. */
const PROBES = 16;
/** Requests that are looked at while another replica decides, at most: what they take is bounded. */
const MOST_UNDECIDED = 4 * PILOT_REQUESTS;

export interface JudgeOptions {
  readonly agreement: AgreementOptions & { readonly allowVacuous: boolean };
  /** Mean loss that is allowed, 0–1. */
  readonly allowedLoss: number;
  /** Outputs where the graph ends in Softmax or LogSoftmax. */
  readonly softmaxOutputs: readonly string[];
  /** Sampled requests after which a search may begin: a pilot takes no more. */
  readonly warmSamples: number;
  /** Decided before; null: not yet. */
  readonly objective: Objective | null;
  /** Whether it decides now; absent: always. Another replica may decide for all. */
  readonly decides?: (() => boolean) | undefined;
  /** Replicas that sample this traffic; absent: this one. Where others fill the window too, it may decide on fewer requests. */
  readonly replicas?: (() => number) | undefined;
  /** Told of every decision that says something new. */
  readonly onDecided?: ((objective: Objective) => void) | undefined;
}

/** Why no candidate may be tried. */
export type Unjudged = { readonly kind: 'pilot' } | { readonly kind: 'vacuous'; readonly detail: string };

/** All outputs of a dense run, its inputs, and what the highest candidate answered. */
export interface PilotAnswers {
  readonly inputs: readonly Tensor[];
  readonly dense: readonly Tensor[];
  /** Null: it was not asked. */
  readonly pruned: readonly Tensor[] | null;
}

/**
 * Judges pruned answers against dense ones, by an objective that a pilot of dense answers decides on. A vacuous one is decided
 * anew on the answers that follow.
 */
export class Judge {
  readonly #options: JudgeOptions;
  readonly #requests: number;
  #pilot: Pilot | null;
  #objective: Objective | null;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#requests = Math.min(PILOT_REQUESTS, options.warmSamples);
    this.#objective = options.objective;
    this.#pilot = options.objective === null || options.objective.vacuous ? new Pilot() : null;
  }

  /** The latest that was decided; null: none yet. */
  get objective(): Objective | null {
    return this.#objective;
  }

  /** Whether the next request is wanted at the highest candidate too. */
  get isProbing(): boolean {
    if (this.#pilot === null) return false;
    const { requests, probes } = this.#pilot;
    return probes < PROBES && requests >= this.#wanted - PROBES;
  }

  get #wanted(): number {
    const share = Math.ceil(this.#requests / (this.#options.replicas?.() ?? 1));
    return Math.min(this.#requests, Math.max(LEAST_REQUESTS, share));
  }

  /** Why no candidate may be tried now; null: one may. */
  get unjudged(): Unjudged | null {
    const objective = this.#objective;
    if (objective?.vacuous === true && !this.#options.agreement.allowVacuous)
      return { kind: 'vacuous', detail: objective.reason ?? 'the measure is vacuous' };
    return objective === null || (this.#pilot !== null && !objective.vacuous) ? { kind: 'pilot' } : null;
  }

  /** Takes in what one sampled request of the traffic has shown. */
  add({ dense, inputs, pruned }: PilotAnswers): void {
    const pilot = this.#pilot;
    if (pilot === null) return;
    // Who does not decide may have to at any time, and then knows enough.
    if (pilot.requests < MOST_UNDECIDED) pilot.add(dense, inputs, pruned);
    if (pilot.requests < this.#wanted || pilot.probes < Math.min(PROBES, this.#requests)) return;
    if (this.#options.decides?.() === false) return;
    const { agreement, allowedLoss, softmaxOutputs, onDecided } = this.#options;
    const objective = decideObjective(pilot, { ...agreement, allowedLoss, softmaxOutputs });
    const isNew = this.#objective === null || !isAlike(objective, this.#objective);
    this.#objective = objective;
    this.#pilot = objective.vacuous ? new Pilot() : null;
    if (isNew) onDecided?.(objective);
  }

  /** Whether answers are still looked at to decide how they are judged. */
  get isOpen(): boolean {
    return this.#pilot !== null;
  }

  /** Another replica has decided for all. @param isOpen - it looks at more answers, to decide anew. */
  adopt(objective: Objective | null, isOpen: boolean): void {
    this.#objective = objective;
    this.#pilot = isOpen ? (this.#pilot ?? new Pilot()) : null;
  }

  /** @returns null when there is nothing to compare. */
  compare(
    dense: readonly Tensor[],
    pruned: readonly Tensor[],
    inputs: readonly Tensor[] = [],
  ): Comparison | null {
    const { agreement } = this.#options;
    return this.#objective === null
      ? compare(dense, pruned, agreement)
      : compareJudged(dense, pruned, this.#objective.outputs, agreement, inputs);
  }

  /** Other traffic: its own answers decide. Until then answers are judged as before, and nothing is tried. */
  restart(): void {
    this.#pilot = new Pilot();
  }
}

/** Whether two decisions come to the same, whatever the figures. */
function isAlike(a: Objective, b: Objective): boolean {
  return (
    a.vacuous === b.vacuous &&
    a.outputs.length === b.outputs.length &&
    a.outputs.every(
      ({ name, measure }, i) => b.outputs[i]!.name === name && b.outputs[i]!.measure === measure,
    )
  );
}
