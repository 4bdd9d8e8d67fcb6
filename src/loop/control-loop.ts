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
import type { Interest } from '../control/phases/interest.ts';
import { controlOptionsOf } from '../control/phases/options.ts';
import {
  appliedThreshold,
  comparedThreshold,
  type Exposure,
  exposureOf,
  isWithheld,
  production,
  thresholdAt,
} from '../control/phases/production.ts';
import type { ResumePoint } from '../control/phases/resume-point.ts';
import { localized } from '../control/phases/shared-state.ts';
import {
  type ControllerState,
  type ControlOptions,
  type HeldBack,
  initialState,
  isSearched,
} from '../control/phases/state.ts';
import type { Criticality } from '../criticality/critical-point.ts';
import type { DriftReference } from '../drift/detector.ts';
import type { RollingWindow } from '../estimator/rolling-window.ts';
import type { Tensor } from '../protocol/types.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { AgreementWindow } from './comparison/agreement-window.ts';
import { Judge } from './comparison/judge.ts';
import { MeasuredByThreshold, type MeasuredPruning } from './comparison/measured.ts';
import { topTwoMargin } from './comparison/top-two-margin.ts';
import { Estimation, type PlacedSlice, type WindowActivations } from './estimation.ts';
import type { KeptInput } from './kept-inputs.ts';
import { LadderRuns, type SearchProgress } from './ladder-runs.ts';
import { Sampling } from './sampling.ts';
import type { AnsweredRequest, ComparedAnswer, Look, ShadowSample } from './shadow-run.ts';
import type { Sharing } from './sharing.ts';
import { SiteThresholds, thresholdsOf } from './site-thresholds.ts';
import { failureOf, type Step, stepped } from './step.ts';
import { type StreamPlace, type StreamReading, Streams } from './streams.ts';
import type { LoopTelemetry, ShadowOutcome } from './telemetry.ts';
import { UncertaintyWatch } from './uncertainty-watch.ts';
import { UncomparedAnswers } from './uncompared-answers.ts';

const DENSE: Exposure = { threshold: 0, candidate: null, exposure: 0 };
/** Comparisons that the agreement is read from. */
const AGREEMENT_COMPARISONS = 500;
/** Over so many requests the share that pruning pays for is averaged, each counting less with its age. */
const PAYING_REQUESTS = 500;
/** How often idle time is looked for while a server gets no requests. */
const IDLE_LOOK_MS = 20;
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
  /** Absent: the loop is by itself. */
  readonly sharing?: Sharing | undefined;
}

/** What another replica has decided for all. */
export interface AdoptedDecision {
  readonly state: ControllerState;
  readonly objective: Objective | null;
  /** How answers are judged is about to be decided anew. */
  readonly isJudging: boolean;
  readonly blockRequests: number;
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
  readonly #options: LoopOptions;
  readonly #measured: MeasuredByThreshold;
  readonly #judge: Judge;
  readonly #thresholds: SiteThresholds;
  readonly #clock: Clock;
  readonly #sampling: Sampling;
  readonly #estimation: Estimation;
  readonly #streams: Streams;
  readonly #uncompared: UncomparedAnswers;
  readonly #uncertainty = new UncertaintyWatch();
  readonly #ladder: LadderRuns;
  readonly #stopLooking: (() => void) | undefined;
  readonly #samples = new Subject<ShadowSample>();
  /** Samples of other replicas. */
  readonly #slices = new Subject<PlacedSlice>();
  readonly #commands = new Subject<ControlEvent>();
  readonly #steps = new Subject<Step>();
  readonly #state: BehaviorSubject<ControllerState>;
  #paying = 1;

  constructor(options: LoopOptions) {
    const { sites, config, resume, telemetry, clock = SYSTEM_CLOCK, sharing } = options;
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
      decides: sharing?.decides,
      replicas: sharing?.pilot.replicas,
      onDecided: telemetry?.judged,
    });
    this.#measured = new MeasuredByThreshold(sites);
    this.#thresholds = new SiteThresholds(sites);
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
      decides: sharing?.decides,
      onEstimated: telemetry?.estimated,
    });
    const { mode, threshold } = config.control;
    const resumed = resume?.state ?? initialState(mode, threshold, this.control);
    const begun = objective === null ? unproven(resumed) : resumed;
    this.#state = new BehaviorSubject<ControllerState>({
      ...begun,
      heldBack: options.heldBack,
      // Until it has heard of the others.
      ...(sharing && { withheld: 'unshared' as const }),
    });
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
      samplingPays: () => this.#sampling.pays(),
      isSaving: () => this.#sampling.isSaving,
      shared: sharing?.pilot,
      emit: (event) => this.#commands.next(event),
      onFailure: (error) => this.#sampling.failed(messageOf(error)),
    });
    this.#sampling = new Sampling({
      sampler: config.sampling,
      control: this.control,
      runtime: options.runtime,
      sites,
      outputs: options.outputs,
      judge: this.#judge,
      ladder: this.#ladder,
      streams: this.#streams,
      uncertainty: this.#uncertainty,
      clock,
      telemetry,
      state: () => this.state,
      highest: () => this.criticality?.curve.thresholds.at(-1),
      onSample: (sample) => this.take(sample),
      onBlind: (message) =>
        this.#commands.next({ kind: 'failure', at: clock.wallMs(), message, isOwn: true }),
    });
    if (this.#isPrunable && this.control.keepsInputs)
      this.#stopLooking = clock.every?.(IDLE_LOOK_MS, () => this.#ladder.pump());
    // The first to hear of a step, so that whoever follows the steps finds what belongs to the new state.
    this.#steps.subscribe((step) => this.#follow(step));
    merge(this.#commands, this.#survive(this.#comparisons()), this.#survive(this.#snapshots()))
      .pipe(scan((last, event) => this.#fold(last.after, event), { after: this.state } as Step))
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

  /** Histograms of the window, and of the one that the latest search for a threshold began with; null: not known. */
  get activations(): Readonly<Record<'now' | 'before', WindowActivations | null>> {
    const { activations, activationsBefore } = this.#estimation;
    return { now: activations, before: activationsBefore };
  }

  /** Whether the critical point has left the interval that it had when the present search began. */
  get hasMoved(): boolean {
    return this.#estimation.hasMoved;
  }

  /** What became of the requests that were sampled. */
  get outcomes(): Readonly<Record<ShadowOutcome, number>> {
    return this.#sampling.outcomes;
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
    const position = this.#sampling.position(id);
    if (!isDense && this.state.heldBack === undefined)
      this.#paying += ((pays ? 1 : 0) - this.#paying) / PAYING_REQUESTS;
    const isPruned = !isDense && pays && this.#isPrunable;
    const threshold = isPruned ? thresholdAt(production(this.state), position) : 0;
    if (isEmpty || !this.#isPrunable) return { threshold, look: undefined };
    return { threshold, look: this.#sampling.look(position, sequence) };
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
   * Looks at a request again that `place` chose.
   *
   * @returns resolves when the controller knows what that has shown, or that it has shown nothing.
   */
  sample(request: AnsweredRequest): Promise<void> {
    return this.#sampling.sample(request);
  }

  /** How much a request at a position in [0, 1) is wanted as a sample. */
  interestIn(position: number): Interest {
    return this.#sampling.interestIn(position);
  }

  /** What a run at a threshold takes, shape [sites]: sites that are left out keep every activation. Not to be changed. */
  thresholdsAt(threshold: number): Float32Array {
    return this.#thresholds.at(threshold, this.state.gated);
  }

  /** Takes in what a sampled request has shown, unless it was answered before the traffic, or what is trusted, changed. */
  take(sample: ShadowSample): void {
    if (sample.epoch !== this.state.epoch) return;
    if (!sample.isExtra) this.#judge.add(sample.answers);
    this.#options.sharing?.sampled(sample);
    this.#samples.next(sample);
  }

  /** An event that is not this loop's own: of another replica, or of what all of them share. */
  receive(event: ControlEvent): void {
    this.#commands.next(event);
  }

  /** A comparison that another replica has seen. @param place - of its request, in a stream that no other replica has. */
  compareShared(event: Omit<EventOf<'comparison'>, 'kind' | 'unit'>, place: StreamPlace | null): void {
    const unit = place === null ? undefined : this.#streams.unitOf(place);
    this.#commands.next({ kind: 'comparison', ...event, ...(unit && { unit }) });
  }

  /** Samples that another replica has taken. @param isOld - they were told of before, and fill the window again. */
  takeSlice(slice: PlacedSlice, isOld: boolean): void {
    if (isOld) this.#estimation.refill(slice);
    else this.#slices.next(slice);
  }

  /** What another replica's input has lost at the rung that the pilot asks about. */
  piloted(rung: number, loss: number): void {
    this.#ladder.piloted(rung, loss);
    this.#ladder.pumpSoon();
  }

  /** Goes on from what another replica has decided. */
  adopt({ state, objective, isJudging, blockRequests }: AdoptedDecision): void {
    this.#streams.hold(blockRequests);
    const local = localized(state, this.state, this.#ladder.unseen);
    this.#commands.next({ kind: 'adopted', at: this.#clock.wallMs(), state: local });
    this.#judge.adopt(objective, isJudging);
    this.#ladder.pumpSoon();
  }

  /** From now on this replica decides. @param reference - what drift was measured from by who did before; undefined: as known here. */
  lead(reference: DriftReference | null | undefined): void {
    this.#streams.release();
    if (reference !== undefined) this.#estimation.adopt(reference);
  }

  /** What was proven on kept inputs is not: its tests begin anew, where there are some. */
  proveAnew(): void {
    const { phase } = this.state;
    if (!isSearched(phase) || phase.search.tests?.kind !== 'tested') return;
    const { every } = phase.search.tests;
    this.#commands.next({ kind: 'respaced', at: this.#clock.wallMs(), next: this.#ladder.kept.end, every });
  }

  /** What the others need to know of how this loop judges. */
  get judging(): Omit<AdoptedDecision, 'state'> {
    const { blockRequests } = this.#streams.reading;
    return { objective: this.objective, isJudging: this.#judge.isOpen, blockRequests };
  }

  /** A pruned answer was not finite where the dense one, which the client got, is: nothing is left of it. */
  lost(threshold: number): void {
    this.#options.sharing?.lost(threshold);
    this.#commands.next({ kind: 'comparison', at: this.#clock.wallMs(), threshold, loss: 1, isDue: true });
  }

  /**
   * @param at - Unix milliseconds.
   * @param backFrom - the threshold that is gone back from; undefined: the mode is simply another.
   */
  setMode(mode: Mode, threshold: number | undefined, at: number, backFrom?: number): void {
    this.#commands.next({
      kind: 'mode',
      mode,
      at,
      ...(threshold === undefined ? {} : { threshold }),
      ...(backFrom === undefined ? {} : { backFrom }),
    });
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
    this.#commands.next({ kind: 'failure', at: this.#clock.wallMs(), message });
  }

  close(): void {
    this.#stopLooking?.();
    this.#ladder.close();
    this.#commands.complete();
    this.#samples.complete();
    this.#slices.complete();
    this.#steps.complete();
    this.#estimation.close();
    this.#state.complete();
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
    const own$ = this.#samples.pipe(filter(({ isExtra }) => !isExtra));
    return this.#estimation
      .events(merge(own$, this.#slices), () => this.state)
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

  #fold(before: ControllerState, event: ControlEvent): Step {
    const { sharing } = this.#options;
    return sharing?.fold(before, event, this.control) ?? stepped(before, event, this.control);
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
