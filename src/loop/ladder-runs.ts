import type { Config } from '../config/schema.ts';
import type { ControlEvent } from '../control/phases/event.ts';
import { exposureOf } from '../control/phases/production.ts';
import { type ControllerState, type ControlOptions, isSearched } from '../control/phases/state.ts';
import type { Search } from '../control/search/search.ts';
import type { Tensor } from '../protocol/types.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { correlationTime } from './comparison/correlation-time.ts';
import { InputLoss, type InputLossOptions } from './input-loss.ts';
import { KeptInputs } from './kept-inputs.ts';
import {
  PILOT_INPUTS,
  type PilotEnd,
  PilotQuestions,
  type Question,
  type SharedPilot,
} from './pilot-questions.ts';
import { type Payer, SearchBudget } from './search-budget.ts';
import { TestRanking } from './test-ranking.ts';

export interface LadderRunsOptions extends Omit<InputLossOptions, 'kept' | 'budget'> {
  readonly config: Pick<Config, 'sampling'>;
  readonly control: ControlOptions;
  readonly runtime: Pick<Runtime, 'shadow' | 'busy'>;
  readonly state: () => ControllerState;
  /** How far apart requests without a name are that hardly resemble each other, in requests, by all that is known of the traffic. */
  readonly spacing: () => number;
  /** Whether sampling would pay for a run now: what is spent at rest, and where no time is idle. */
  readonly samplingPays: () => boolean;
  /** Whether a part of what sampling may take is being saved for surprises. */
  readonly isSaving: () => boolean;
  /** Absent: this replica is the only one. */
  readonly shared?: SharedPilot | undefined;
  readonly emit: (event: ControlEvent) => void;
  readonly onFailure: (error: unknown) => void;
}

/** Requests are kept this far ahead of the test that has seen most: more would only be copied. */
const AHEAD = 64;

/** Correlation times that kept requests are apart, where that time is so many requests at least. */
const APART = 3;
const CORRELATED = 1.5;
const GOLDEN_RATIO = 0.6180339887498949;
/** How far the distance of two kept requests is from its mean, at most, as a share of it. */
const JITTER = 0.25;
/** Tests begin anew once requests have to be so many times as far apart as theirs were: less is the noise of a measure. */
const GROWN = 2;
/** Inputs that the pace of a test is averaged over. */
const PACE_INPUTS = 50;

/** How far a search has come. */
export interface SearchProgress {
  /** `pilot`: which candidates are worth a test is asked; `testing`: in idle time; `resting`: within the sampling budget. */
  readonly stage: 'pilot' | 'testing' | 'resting';
  /** The most promising test; null: none is open, or the pilot is still asked. */
  readonly next: {
    readonly threshold: number;
    readonly sparsity: number;
    /** Kept inputs that it has seen, and is likely to need still; null: more than a million. */
    readonly inputs: number;
    readonly inputsLeft: number | null;
    /** Until it is likely to be proven, at the present pace; null: not known, or very long. */
    readonly secondsLeft: number | null;
  } | null;
}

/** One run to be made: for a test, or to answer a pilot. */
type Job = Question | (Omit<Question, 'kind'> & { readonly kind: 'test' });

/**
 * Judges all rungs of a ladder on the same kept requests, in otherwise idle time: a pilot first, then each test on each input
 * once, in order of arrival. `pump` starts as many runs as there is time for.
 */
export class LadderRuns {
  readonly kept: KeptInputs;
  readonly budget: SearchBudget;
  readonly #options: LadderRunsOptions;
  readonly #ranking: TestRanking;
  readonly #pilot: PilotQuestions;
  readonly #loss: InputLoss;
  readonly #busyRungs = new Set<number>();
  #pacedAt = Number.NEGATIVE_INFINITY;
  #msPerInput = Number.POSITIVE_INFINITY;
  /** What the spacing was when the tests began, in requests. */
  #spacing: number;
  /** Whether streams are told apart: then one request of a block is asked about, and no more are to be left out. */
  #hasNames = false;
  #skip = 0;
  #turn = 0;
  #soon: NodeJS.Immediate | undefined;
  #isClosed = false;

  constructor(options: LadderRunsOptions) {
    const { config, runtime, clock, samplingPays, isSaving } = options;
    const { sampling } = config;
    this.#options = options;
    this.kept = new KeptInputs(sampling.keepInputsBytes, endOf(options.state()));
    this.budget = new SearchBudget({ sampling, runtime, clock, samplingPays, isSaving });
    this.#ranking = new TestRanking(options.control, sampling.searchInputs);
    this.#pilot = new PilotQuestions(this.kept, options.control.allowedLoss, options.shared);
    this.#loss = new InputLoss({ ...options, kept: this.kept, budget: this.budget });
    this.#spacing = options.spacing();
  }

  get isOn(): boolean {
    const { mode } = this.#options.state();
    return this.#options.control.keepsInputs && (mode === 'auto' || mode === 'observe');
  }

  /** Whether runs are under way, or about to be. */
  get isBusy(): boolean {
    return this.#busyRungs.size > 0 || this.#soon !== undefined;
  }

  get progress(): SearchProgress | null {
    const { phase } = this.#options.state();
    if (!this.isOn || !isSearched(phase) || phase.search.tests === null) return null;
    const { tests, rungs } = phase.search;
    if (tests.kind === 'pilot') return { stage: 'pilot', next: null };
    const stage = this.#isAtRest(phase.search) ? 'resting' : 'testing';
    const { open, inputs } = this.#ranking.of(phase.search);
    const [best] = open;
    if (best === undefined) return { stage, next: null };
    const inputsLeft = Number.isFinite(inputs) ? inputs : null;
    const seconds = inputsLeft === null ? null : (inputsLeft * this.#msPerInput) / 1000;
    const { threshold, sparsity } = rungs[best.rung]!;
    return {
      stage,
      next: {
        threshold,
        sparsity,
        inputs: best.evidence.observations,
        inputsLeft,
        secondsLeft: seconds !== null && Number.isFinite(seconds) ? seconds : null,
      },
    };
  }

  /** Number of the first kept input that a test may see: the pilot has seen none from there on. */
  get unseen(): number {
    return this.#pilot.unseen;
  }

  /** What another replica has lost on one of its inputs, at the rung that the pilot asks about. */
  piloted(rung: number, loss: number): void {
    this.#pilot.answerOfOther(rung, loss);
  }

  /** Whether a request is to be kept; asked once of each. @param isNamed - it is the first of a block of a stream with a name. */
  wants(isNamed = false): boolean {
    this.#hasNames ||= isNamed;
    return this.#hasRoom && this.#isNext(isNamed);
  }

  get #hasRoom(): boolean {
    const { phase } = this.#options.state();
    if (!this.isOn) return false;
    const { kept } = this;
    if (!isSearched(phase) || phase.search.tests?.kind !== 'tested')
      return kept.size < PILOT_INPUTS + AHEAD && !kept.isFull;
    if (this.#isAtRest(phase.search)) return false;
    const { open } = this.#ranking.of(phase.search);
    return open.length > 0 && kept.end - Math.max(...open.map(({ next }) => next)) < AHEAD;
  }

  /** One request of so many is kept: what the tests began with, or more where requests resemble each other for longer by now. */
  #every(isNamed: boolean): number {
    const { phase } = this.#options.state();
    const tests = isSearched(phase) ? phase.search.tests : null;
    if (tests?.kind !== 'tested') return 1;
    return isNamed ? tests.every : Math.max(tests.every, this.#options.spacing());
  }

  /** Every so many requests, and not always at the same distance: traffic may have a rhythm. */
  #isNext(isNamed: boolean): boolean {
    const every = this.#every(isNamed);
    if (every === 1) return true;
    if (this.#skip-- > 0) return false;
    this.#turn = (this.#turn + GOLDEN_RATIO) % 1;
    this.#skip = Math.round(every * (1 + JITTER * (2 * this.#turn - 1))) - 1;
    return true;
  }

  /** Keeps a request that was wanted. @param dense - the model's own answer; null: it was pruned, or not asked for whole. */
  keep(inputs: readonly Tensor[], dense: readonly Tensor[] | null): void {
    this.kept.add(inputs, dense);
    this.pump();
  }

  /** A sample of the traffic, which is kept at rest. @param isNamed - see `wants`. */
  offer(inputs: readonly Tensor[], dense: readonly Tensor[], isNamed = false): void {
    const { phase } = this.#options.state();
    if (!this.isOn || !isSearched(phase) || phase.search.tests?.kind !== 'tested') return;
    if (!this.#isAtRest(phase.search)) return;
    if (this.#ranking.of(phase.search).open.length > 0 && this.#isNext(isNamed)) this.keep(inputs, dense);
  }

  /** Starts what there is time for, once the event loop has nothing else to do. */
  pumpSoon(): void {
    if (this.#isClosed || !this.isOn) return;
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined;
      this.pump();
    });
  }

  /** Starts what there is time for; idle time is not spent on what would save none. Never throws. */
  pump(): void {
    this.#beginAnewWhereTooClose();
    while (!this.#isClosed && this.isOn && this.#busyRungs.size < this.#mostAtOnce) {
      const { phase } = this.#options.state();
      if (!isSearched(phase)) return;
      const isWorthIt = this.#options.state().heldBack !== 'unprofitable';
      const isDense = exposureOf(this.#options.state()).exposure === 0;
      const payer = this.budget.payer({ isAtRest: this.#isAtRest(phase.search), isWorthIt, isDense });
      if (payer === null) return;
      const job = this.#next(phase.search);
      if (job === null) return;
      this.#busyRungs.add(job.rung);
      void this.#run(job, payer).then((goesOn) => {
        this.#busyRungs.delete(job.rung);
        if (goesOn) this.pump();
      });
    }
  }

  /** Other traffic, or nothing that was kept is trusted any more. */
  clear(): void {
    this.kept.clear();
    this.#loss.clear();
    this.#pilot.clear();
    this.#hasNames = false;
  }

  close(): void {
    this.#isClosed = true;
    clearImmediate(this.#soon);
    this.#soon = undefined;
    this.kept.clear();
  }

  /** One worker is left to production, where there are several. */
  get #mostAtOnce(): number {
    return Math.max(1, this.#options.runtime.busy.workers - 1);
  }

  #isAtRest(search: Search): boolean {
    if (search.tests === null) return true;
    if (search.tests.kind === 'pilot') return false;
    return !this.#ranking.of(search).isHopeful;
  }

  #next(search: Search): Job | null {
    const { tests } = search;
    if (tests === null) return null;
    if (tests.kind === 'pilot') {
      const question = this.#busyRungs.size > 0 ? null : this.#pilot.next(search);
      return question?.kind === 'end' ? this.#nextAfterPilot(question) : question;
    }
    for (const { rung, next } of this.#ranking.of(search).open) {
      const input = this.#busyRungs.has(rung) ? undefined : this.kept.from(next);
      if (input !== undefined) return { kind: 'test', search, rung, input };
    }
    return null;
  }

  #nextAfterPilot({ losses, first, end }: PilotEnd): Job | null {
    const { emit, clock, spacing, state } = this.#options;
    this.#spacing = spacing();
    const every = Math.max(this.#distance(first, end), this.#hasNames ? 1 : this.#spacing);
    // What was kept side by side is of no use then.
    const isApart = every === 1 && this.#spacing === 1;
    if (!isApart) this.kept.clear();
    emit({ kind: 'pilot', at: clock.wallMs(), losses, next: isApart ? end : this.kept.end, every });
    const { phase } = state();
    return isSearched(phase) && phase.search.tests?.kind === 'tested' ? this.#next(phase.search) : null;
  }

  /** What was taken for many independent requests may have been few scenes, if it is known by now that scenes are so much longer. */
  #beginAnewWhereTooClose(): void {
    const { state, spacing, emit, clock } = this.#options;
    const { phase } = state();
    const tests = this.isOn && isSearched(phase) ? phase.search.tests : null;
    if (this.#isClosed || tests?.kind !== 'tested') return;
    const now = spacing();
    if (now < GROWN * Math.max(this.#spacing, this.#hasNames ? 1 : tests.every)) return;
    this.#spacing = now;
    this.kept.clear();
    this.#loss.clear();
    const every = this.#hasNames ? tests.every : now;
    emit({ kind: 'respaced', at: clock.wallMs(), next: this.kept.end, every });
  }

  /** How far apart requests are to be kept, so that they do not resemble each other; by those that the pilot has seen. */
  #distance(first: number, end: number): number {
    const answers: (readonly Tensor[])[] = [];
    for (let input = this.kept.from(first); input !== undefined && input.number < end; ) {
      if (input.dense !== null) answers.push(input.dense);
      input = this.kept.from(input.number + 1);
    }
    const time = correlationTime(answers);
    return time < CORRELATED ? 1 : Math.ceil(APART * time);
  }

  /** @returns whether the next run may follow at once. */
  async #run(job: Job, payer: Payer): Promise<boolean> {
    const { state, onFailure } = this.#options;
    const { epoch, gated } = state();
    try {
      const { threshold } = job.search.rungs[job.rung]!;
      const loss = await this.#loss.at(threshold, job.input, payer);
      if (loss === 'dropped') return false;
      this.#beginAnewWhereTooClose();
      const { phase, ...now } = state();
      const isSame = isSearched(phase) && phase.search.rungs === job.search.rungs;
      if (isSame && now.epoch === epoch && now.gated === gated && loss !== null) this.#take(job, loss);
      return true;
    } catch (error) {
      onFailure(error);
      return false;
    }
  }

  #take(job: Job, loss: number): void {
    if (job.kind !== 'test') {
      this.#pilot.answer(job, loss);
      return;
    }
    const { emit, clock } = this.#options;
    const { search, rung, input } = job;
    this.#pace(search, rung);
    emit({ kind: 'tested', at: clock.wallMs(), rung, input: input.number, loss });
    const { phase } = this.#options.state();
    if (!isSearched(phase) || phase.search.tests?.kind !== 'tested') return;
    if (this.#ranking.of(phase.search).open.length === 0) this.kept.clear();
  }

  /** How long the most promising test waits from one input to the next, averaged over the latest. */
  #pace(search: Search, rung: number): void {
    if (rung !== this.#ranking.of(search).open[0]?.rung) return;
    const now = this.#options.clock.monotonicMs();
    const ms = now - this.#pacedAt;
    this.#pacedAt = now;
    this.#msPerInput = Number.isFinite(this.#msPerInput)
      ? this.#msPerInput + (ms - this.#msPerInput) / PACE_INPUTS
      : ms;
  }
}

/** Number of the first input that no test of a state that was kept has seen. */
function endOf({ phase }: ControllerState): number {
  const tests = isSearched(phase) ? phase.search.tests : null;
  return tests?.kind === 'tested' ? Math.max(0, ...tests.tests.map(({ next }) => next)) : 0;
}
