import {
  BehaviorSubject,
  catchError,
  concat,
  distinctUntilChanged,
  filter,
  from,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  Subject,
  scan,
} from 'rxjs';
import { messageOf } from '../config/errors.ts';
import type { Mode } from '../config/modes.ts';
import type { Config } from '../config/schema.ts';
import type { Objective } from '../control/guard/objective.ts';
import type { ControlEvent, EventOf } from '../control/phases/event.ts';
import { type Interest, interestIn } from '../control/phases/interest.ts';
import { controlOptionsOf } from '../control/phases/options.ts';
import {
  appliedThreshold,
  comparedThreshold,
  comparedThresholds,
  dueAt,
  type Exposure,
  exposureOf,
  isSeeking,
  isWithheld,
  production,
  thresholdAt,
} from '../control/phases/production.ts';
import type { ResumePoint } from '../control/phases/resume-point.ts';
import {
  type ControllerState,
  type ControlOptions,
  type HeldBack,
  initialState,
  isSearched,
} from '../control/phases/state.ts';
import type { Criticality } from '../criticality/critical-point.ts';
import type { RollingWindow } from '../estimator/rolling-window.ts';
import type { Tensor } from '../protocol/types.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { AgreementWindow } from './comparison/agreement-window.ts';
import { Judge } from './comparison/judge.ts';
import { MeasuredByThreshold, type MeasuredPruning } from './comparison/measured.ts';
import { topTwoMargin } from './comparison/top-two-margin.ts';
import { Estimation } from './estimation.ts';
import type { KeptInput } from './kept-inputs.ts';
import { LadderRuns, type SearchProgress } from './ladder-runs.ts';
import { Sampler } from './sampler.ts';
import {
  type AnsweredRequest,
  type ComparedAnswer,
  type Look,
  type ShadowSample,
  shadowRun,
} from './shadow-run.ts';
import { SiteThresholds, thresholdsOf } from './site-thresholds.ts';
import { failureOf, type Step, stepped } from './step.ts';
import { isOfNamed, type StreamReading, Streams } from './streams.ts';
import type { LoopTelemetry, ShadowOutcome } from './telemetry.ts';
import { UncertaintyWatch } from './uncertainty-watch.ts';
import { UncomparedAnswers } from './uncompared-answers.ts';

const DENSE: Exposure = { threshold: 0, candidate: null, exposure: 0 };
/** Comparisons that the agreement is read from. */
const AGREEMENT_COMPARISONS = 500;
/** What passes the gates is counted on every so many samples: it takes a run of its own. */
const COUNT_EVERY = 4;
/** Of the time that a sample takes from the thread that serves, the messages to workers and back take about half. */
const WITH_MESSAGES = 2;
/** Over so many requests the share that pruning pays for is averaged, each counting less with its age. */
const PAYING_REQUESTS = 500;
/** How often idle time is looked for while a server gets no requests. */
const IDLE_LOOK_MS = 20;
/** Failed shadow runs in a row after which nothing is known of the answers any more. */
const BLIND_AFTER = 32;

export interface LoopOptions {
  /** Gated sites of the model; 0: nothing can be pruned, and nothing is sampled. */
  readonly sites: number;
  /** Per site, the magnitude at which its activation function stands still below zero; null: none. By default none has one. */
  readonly poles?: readonly (number | null)[] | undefined;
  /** Names of all outputs of the model. */
  readonly outputs: readonly string[];
  readonly config: Pick<Config, 'window' | 'sampling' | 'criticality' | 'drift' | 'agreement' | 'control'>;
  /** Outputs where the graph ends in Softmax or LogSoftmax; by default none. */
  readonly softmaxOutputs?: readonly string[];
  /** Runs sampled requests again. */
  readonly runtime: Pick<Runtime, 'shadow' | 'busy'>;
  /** Until `timed` says otherwise. */
  readonly heldBack?: HeldBack | undefined;
  /** By default the beginning. */
  readonly resume?: ResumePoint | undefined;
  readonly telemetry?: LoopTelemetry;
  readonly clock?: Clock;
}

interface PlaceOptions {
  readonly isDense?: boolean;
  readonly isEmpty?: boolean;
  readonly pays?: boolean;
  readonly sequence?: string | undefined;
}

/** How a request is answered, and what is to be known of it if it is run again in the shadow. */
export interface Placement {
  /** τ of the answer; 0 is dense. */
  readonly threshold: number;
  /** Absent: the request is not sampled. */
  readonly look: Look | undefined;
}

/**
 * One model's loop, from production requests to the threshold that production runs at:
 *
 * sampler → shadow run → comparison ─────────────────┐
 *                      → window → critical point, drift ├→ step (a pure fold) → τ
 * answers nobody compared, failures, the operator ────┘
 *
 * A server drives it with its requests, a replay with recorded ones in virtual time. `place` is asked when a request comes,
 * `answered` told of every answer, `sample` given those that `place` chose. None of them waits for anything.
 */
export class ControlLoop {
  readonly control: ControlOptions;
  readonly agreement = new AgreementWindow(AGREEMENT_COMPARISONS);
  /** What became of the requests that were sampled. */
  readonly outcomes: Record<ShadowOutcome, number> = { ok: 0, dropped: 0, failed: 0 };
  readonly #options: LoopOptions;
  readonly #measured: MeasuredByThreshold;
  readonly #judge: Judge;
  readonly #thresholds: SiteThresholds;
  readonly #clock: Clock;
  readonly #sampler: Sampler;
  readonly #estimation: Estimation;
  readonly #streams: Streams;
  readonly #uncompared: UncomparedAnswers;
  readonly #uncertainty = new UncertaintyWatch();
  readonly #ladder: LadderRuns;
  readonly #stopLooking: (() => void) | undefined;
  readonly #samples = new Subject<ShadowSample>();
  readonly #commands = new Subject<ControlEvent>();
  readonly #steps = new Subject<Step>();
  readonly #state: BehaviorSubject<ControllerState>;
  #paying = 1;
  #sampled = 0;
  #failedInARow = 0;
  /** What samples have taken of the thread that serves. */
  #servingMs = 0;

  constructor(options: LoopOptions) {
    const { sites, config, resume, telemetry, clock = SYSTEM_CLOCK } = options;
    this.#options = options;
    this.#clock = clock;
    this.control = controlOptionsOf(config);
    const objective = resume?.objective ?? null;
    this.#judge = new Judge({
      agreement: config.agreement,
      allowedLoss: this.control.allowedLoss,
      softmaxOutputs: options.softmaxOutputs ?? [],
      warmSamples: this.control.warmSamples,
      objective,
      onDecided: telemetry?.judged,
    });
    this.#measured = new MeasuredByThreshold(sites);
    this.#thresholds = new SiteThresholds(sites);
    this.#sampler = new Sampler(config.sampling);
    this.#uncompared = new UncomparedAnswers(this.control);
    this.#streams = new Streams(
      resume?.blockRequests ?? resume?.reference?.blockRequests,
      telemetry?.correlated,
      this.control.warmSamples,
    );
    this.#estimation = new Estimation({
      streams: this.#streams,
      sites,
      poles: options.poles,
      config,
      control: this.control,
      reference: resume?.reference ?? null,
      onEstimated: telemetry?.estimated,
    });
    const { mode, threshold } = config.control;
    const resumed = resume?.state ?? initialState(mode, threshold, this.control);
    const begun = objective === null ? unproven(resumed) : resumed;
    this.#state = new BehaviorSubject<ControllerState>({ ...begun, heldBack: options.heldBack });
    this.#ladder = new LadderRuns({
      config,
      control: this.control,
      runtime: options.runtime,
      outputs: options.outputs,
      judge: this.#judge,
      clock,
      state: () => this.state,
      thresholdsAt: (threshold) => thresholdsOf(threshold, sites, this.state.gated),
      spacing: () => this.#streams.spacing,
      samplingPays: () => this.#sampler.pays(clock.monotonicMs(), this.#spending),
      emit: (event) => this.#commands.next(event),
      onFailure: (error) => this.#failed(messageOf(error)),
    });
    if (this.#isPrunable && this.control.keepsInputs)
      this.#stopLooking = clock.every?.(IDLE_LOOK_MS, () => this.#ladder.pump());
    // The first to hear of a step, so that whoever follows the steps finds what belongs to the new state.
    this.#steps.subscribe((step) => this.#follow(step));
    merge(this.#commands, this.#survive(this.#comparisons()), this.#survive(this.#snapshots()))
      .pipe(scan((last, event) => stepped(last.after, event, this.control), { after: this.state } as Step))
      .subscribe(this.#steps);
  }

  get state(): ControllerState {
    return this.#state.value;
  }

  /** The present state, then every new one. */
  get state$(): Observable<ControllerState> {
    return this.#state.pipe(distinctUntilChanged());
  }

  /** Every event that reaches the controller, with the state before and after it. */
  get steps$(): Observable<Step> {
    return this.#steps.asObservable();
  }

  get resumePoint(): ResumePoint {
    return {
      state: this.state,
      reference: this.#estimation.reference,
      blockRequests: this.#streams.reading.blockRequests,
      objective: this.objective,
    };
  }

  /** How answers are judged; null: not decided yet. */
  get objective(): Objective | null {
    return this.#judge.objective;
  }

  /** What the latest samples are estimated from. */
  get window(): RollingWindow {
    return this.#estimation.window;
  }

  /** The latest estimate; null before the first. */
  get criticality(): Criticality | null {
    return this.#estimation.criticality;
  }

  /** Whether the critical point has left the interval that it had when the present search began. */
  get hasMoved(): boolean {
    return this.#estimation.hasMoved;
  }

  /** How requests of one stream resemble each other, and the reference of drift that is gathered from requests that do not; null: none is. */
  get streams(): StreamReading & { readonly gathered: Estimation['gathered'] } {
    return { ...this.#streams.reading, gathered: this.#estimation.gathered };
  }

  /** The threshold of most of production; 0 is dense. */
  get applied(): number {
    return this.#isPrunable ? appliedThreshold(this.state) : 0;
  }

  /** What clients are answered at: a request that pruning does not pay for is dense, whatever its place in the ramp. */
  get exposure(): Exposure {
    if (!this.#isPrunable) return DENSE;
    const exposure = exposureOf(this.state);
    return { ...exposure, exposure: exposure.exposure * this.#paying };
  }

  /** What pruned runs really did at the threshold that answers are compared at. */
  get measured(): MeasuredPruning {
    return this.#measured.at(comparedThreshold(this.state));
  }

  /** β over all of production, dense answers included: shape [sites] and over all sites; NaN where it is not measured yet. */
  get sparsity(): { readonly sites: readonly number[]; readonly overall: number } {
    const { threshold, share, rest } = production(this.state);
    return this.#measured.weighted([
      [threshold, share * this.#paying],
      [rest, (1 - share) * this.#paying],
    ]);
  }

  /** Share of the latest requests that pruning pays for, 0–1; the others are dense. */
  get paying(): number {
    return this.#paying;
  }

  /** Requests that are kept to judge candidates on. */
  get keptInputs(): { readonly inputs: number; readonly bytes: number } {
    const { size, bytes } = this.#ladder.kept;
    return { inputs: size, bytes };
  }

  /** Kept requests from a number on, in order of arrival. Their memory must not be changed. */
  keptSince(number: number): readonly KeptInput[] {
    return this.#ladder.kept.since(number);
  }

  /** How far a search on kept inputs has come; null: there is none. */
  get search(): SearchProgress | null {
    return this.#ladder.progress;
  }

  /** Whether runs of a search for a threshold are under way. */
  get isJudging(): boolean {
    return this.#ladder.isBusy;
  }

  get #isPrunable(): boolean {
    return this.#options.sites > 0;
  }

  /**
   * How a request is answered, and whether it is sampled. O(1).
   *
   * @param id - requests with the same one have the same place in a ramp and in the sample.
   * @param sequence - name of the stream that the request is of; undefined: it names none.
   * @param isDense - the client wants the dense answer.
   * @param pays - whether pruning such a request saves time, or is wanted whatever the time.
   * @param isEmpty - a request without a row shows no activation.
   */
  place(
    id: string | undefined,
    { isDense = false, isEmpty = false, pays = true, sequence }: PlaceOptions = {},
  ): Placement {
    const position = this.#sampler.position(id);
    if (!isDense && this.state.heldBack === undefined)
      this.#paying += ((pays ? 1 : 0) - this.#paying) / PAYING_REQUESTS;
    const isPruned = !isDense && pays && this.#isPrunable;
    const threshold = isPruned ? thresholdAt(production(this.state), position) : 0;
    if (isEmpty || !this.#isPrunable) return { threshold, look: undefined };
    return { threshold, look: this.#look(position, sequence) };
  }

  /**
   * Told of every answer, at the threshold that it was answered at. O(1). Never throws.
   *
   * @param outputs - of the answer, all or some.
   * @param atMs - when it was answered, on the clock that only goes forward.
   */
  answered(threshold: number, outputs: readonly Tensor[], atMs: number): void {
    if (!this.#isPrunable) return;
    this.#ladder.pumpSoon();
    if (threshold === 0 && !isWithheld(this.state)) return;
    try {
      const margin = threshold === 0 ? null : topTwoMargin(outputs, this.objective);
      if (margin !== null) this.#uncertainty.answered(threshold, margin);
      const uncompared = this.#uncompared.add(atMs);
      if (uncompared !== null)
        this.#commands.next({ kind: 'uncompared', at: this.#clock.wallMs(), ...uncompared });
    } catch (error) {
      this.fail(messageOf(error));
    }
  }

  /**
   * Runs a sampled request again, once the event loop has nothing else to do.
   *
   * @returns resolves when the controller knows what that has shown, or that it has shown nothing.
   */
  sample(request: AnsweredRequest): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#keep(request);
        if (request.isOnlyKept === true) resolve();
        else this.#sample(request).then(resolve, resolve);
      });
    });
  }

  /** What a run at a threshold takes, shape [sites]: sites that are left out keep every activation. Not to be changed. */
  thresholdsAt(threshold: number): Float32Array {
    return this.#thresholds.at(threshold, this.state.gated);
  }

  /** How much a request at a position in [0, 1) is wanted as a sample. */
  interestIn(position: number): Interest {
    const interest = interestIn(this.state, position, this.control);
    if (interest === 'urgent' || !this.#uncertainty.isWatching) return interest;
    const threshold = thresholdAt(production(this.state), position);
    return this.#uncertainty.isSuspicious(threshold) ? 'suspect' : interest;
  }

  /** Takes in what a sampled request has shown, unless it was answered before the traffic, or what is trusted, changed. */
  take(sample: ShadowSample): void {
    if (sample.epoch !== this.state.epoch) return;
    if (!sample.isExtra) this.#judge.add(sample.answers);
    this.#samples.next(sample);
  }

  /** A pruned answer was not finite where the dense one, which the client got, is: nothing is left of it. */
  lost(threshold: number): void {
    this.#commands.next({ kind: 'comparison', at: this.#clock.wallMs(), threshold, loss: 1, isDue: true });
  }

  /** @param at - Unix milliseconds. */
  setMode(mode: Mode, threshold: number | undefined, at: number): void {
    this.#commands.next({ kind: 'mode', mode, at, ...(threshold === undefined ? {} : { threshold }) });
  }

  /**
   * @param heldBack - why pruning is not to reach production; undefined: it saves time, as `detail` tells.
   * @param more - the sites that are pruned from now on, shape [sites], if others than before; whether this was known before a
   *   restart, too.
   */
  timed(
    heldBack: HeldBack | undefined,
    detail: string,
    more: Pick<EventOf<'time'>, 'gated' | 'isKept'> = {},
  ): void {
    this.#commands.next({ kind: 'time', at: this.#clock.wallMs(), heldBack, detail, ...more });
  }

  /** What samples would tell cannot be known: dense until it can. */
  fail(message: string): void {
    this.#commands.next(failureOf(new Error(message), this.#clock.wallMs()));
  }

  close(): void {
    this.#stopLooking?.();
    this.#ladder.close();
    this.#commands.complete();
    this.#samples.complete();
    this.#steps.complete();
    this.#estimation.close();
    this.#state.complete();
  }

  /** What is to be known of the request at a position if it is to be run again; asked once per request. */
  #look(position: number, sequence: string | undefined): Look | undefined {
    const { state } = this;
    if (!this.#isPrunable || state.mode === 'off') return undefined;
    const place = this.#streams.next(sequence);
    // Of a named stream one request of each block is kept; of the others so many that they are about as far apart, which the search sees to.
    const isFirst = sequence === undefined || this.#streams.isFirstOfBlock(place);
    const isKept = isFirst && this.#ladder.wants(sequence !== undefined);
    const interest = this.interestIn(position);
    const decision = this.#sampler.decide(position, this.#clock.monotonicMs(), this.#spending, interest);
    const isPassed = decision === 'pass' || decision === 'over-budget';
    const isSearched = isPassed && isSeeking(state) && this.#ladder.isOn && this.#ladder.budget.isIdle();
    if (decision === 'over-budget' && !isSearched) this.#count('dropped');
    if (isPassed && !isSearched && !isKept) return undefined;
    return {
      position,
      place,
      epoch: state.epoch,
      due: dueAt(state, position),
      isExtra: decision === 'extra',
      isUrgent: interest === 'urgent',
      isKept,
      isOnlyKept: isPassed && !isSearched,
      isOfSearch: isSearched,
    };
  }

  /** Time that samples have taken, without what the search for a threshold has. */
  get #spending() {
    const { shadowMs, workers } = this.#options.runtime.busy;
    return { shadowMs: shadowMs - this.#ladder.budget.searchMs, workers, servingMs: this.#servingMs };
  }

  #keep({ isKept, epoch, inputs, outputs, threshold }: AnsweredRequest): void {
    if (isKept !== true || epoch !== this.state.epoch) return;
    this.#ladder.keep(inputs, threshold === 0 ? (outputs ?? null) : null);
  }

  async #sample(request: AnsweredRequest): Promise<void> {
    const { sites, outputs, runtime } = this.#options;
    const counts = this.#sampled++ % COUNT_EVERY === 0;
    const probe = this.#judge.isProbing ? this.criticality?.curve.thresholds.at(-1) : undefined;
    const { gated } = this.state;
    const thresholdsAt = (threshold: number) => thresholdsOf(threshold, sites, gated);
    const options = { thresholdsAt, outputs, judge: this.#judge, counts, probe };
    try {
      const thresholds = comparedThresholds(this.state, request.position);
      const sample = await shadowRun(runtime, request, thresholds, options, this.#clock);
      if (sample !== 'dropped' && request.isOfSearch === true)
        this.#ladder.budget.spend('idle', sample.workerMs);
      // What other sites' pruning has shown says nothing of this.
      if (sample === 'dropped' || gated !== this.state.gated) this.#count('dropped');
      else this.#succeeded(sample);
    } catch (error) {
      this.#failed(messageOf(error));
    }
  }

  #succeeded(sample: ShadowSample): void {
    const started = this.#clock.monotonicMs();
    this.#failedInARow = 0;
    this.#count('ok');
    this.#options.telemetry?.sampled?.(sample);
    if (!sample.isExtra) this.#offer(sample);
    this.take(sample);
    this.#servingMs += WITH_MESSAGES * (this.#clock.monotonicMs() - started) + sample.comparingMs;
  }

  /** As in `#look`: of a named stream only what is the first of a block. */
  #offer({ answers, place }: ShadowSample): void {
    const isNamed = place !== undefined && isOfNamed(place);
    if (!isNamed || this.#streams.isFirstOfBlock(place))
      this.#ladder.offer(answers.inputs, answers.dense, isNamed);
  }

  #failed(message: string): void {
    this.#count('failed', message);
    if (++this.#failedInARow % BLIND_AFTER === 0) this.fail(`shadow runs fail: ${message}`);
  }

  #count(outcome: ShadowOutcome, error?: string): void {
    this.outcomes[outcome]++;
    this.#options.telemetry?.shadowRun?.(outcome, error);
  }

  /** One event per comparison, in the order of the samples. */
  #comparisons(): Observable<ControlEvent> {
    return this.#samples.pipe(
      mergeMap((sample) =>
        from(sample.comparisons).pipe(mergeMap((answer) => this.#comparison(sample, answer))),
      ),
    );
  }

  #comparison({ at, histograms, isExtra, place }: ShadowSample, answer: ComparedAnswer): ControlEvent[] {
    const { threshold, comparison, retained, isDue } = answer;
    const unit = place && this.#streams.unitOf(place);
    if (comparison !== null) this.#uncertainty.compared(threshold, comparison.loss);
    if (retained !== null && !isExtra) this.#measured.at(threshold).add(histograms, retained);
    if (comparison !== null && !isExtra && threshold === comparedThreshold(this.state))
      this.agreement.add(comparison, unit);
    if (comparison === null) return [];
    const { loss } = comparison;
    return [{ kind: 'comparison', at, threshold, loss, isDue, ...(unit && { unit }) }];
  }

  /** What is looked at because its answer is suspected is not what the traffic is like. */
  #snapshots(): Observable<ControlEvent> {
    return this.#estimation
      .events(this.#samples.pipe(filter(({ isExtra }) => !isExtra)), () => this.state)
      .pipe(map((event) => this.#withDoubt(event)));
  }

  /** Nothing is tried by a measure that is not decided, or sees nothing. */
  #withDoubt(event: EventOf<'snapshot'>): ControlEvent {
    const { unjudged } = this.#judge;
    return unjudged === null ? event : { ...event, unjudged };
  }

  /** A stage that throws loses the sample at hand, not the loop: the controller is told and the stage goes on. */
  #survive(events$: Observable<ControlEvent>): Observable<ControlEvent> {
    return events$.pipe(
      catchError((error, again$) => concat(of(failureOf(error, this.#clock.wallMs())), again$)),
    );
  }

  /** Comparisons belong to one threshold, and what was measured to one traffic. */
  #follow({ event, before, after }: Step): void {
    if (comparedThreshold(before) !== comparedThreshold(after)) this.agreement.reset();
    if (before.epoch !== after.epoch) {
      this.#uncertainty.reset();
      this.#measured.reset();
      this.#judge.restart();
      this.#streams.restart();
    }
    const hasFallen = after.phase.kind === 'fallback' && before.phase.kind !== 'fallback';
    if (before.epoch !== after.epoch || hasFallen) this.#ladder.clear();
    if (before !== after) this.#estimation.startAfresh(before, after);
    if (isOfProduction(before, event) || after.change !== before.change) this.#uncompared.end();
    this.#state.next(after);
  }
}

/** Whether an event says something of what most of production runs at, or would but for want of comparisons. */
function isOfProduction(state: ControllerState, event: ControlEvent): boolean {
  return (
    event.kind === 'comparison' && event.threshold === (appliedThreshold(state) || comparedThreshold(state))
  );
}

/** What was searched by a measure that nobody has kept is searched again. */
function unproven(state: ControllerState): ControllerState {
  return isSearched(state.phase) ? { ...state, phase: { kind: 'warming' } } : state;
}
