import {
  BehaviorSubject,
  catchError,
  concat,
  distinctUntilChanged,
  filter,
  merge,
  type Observable,
  of,
  Subject,
  scan,
} from 'rxjs';
import { messageOf } from '../config/errors.ts';
import type { Mode } from '../config/modes.ts';
import type { Config } from '../config/schema.ts';
import type { ControlEvent, EventOf } from '../control/phases/event.ts';
import { controlOptionsOf } from '../control/phases/options.ts';
import {
  appliedThreshold,
  type Exposure,
  exposureOf,
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
import type { Tensor } from '../protocol/types.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { Comparisons } from './comparison/comparisons.ts';
import { Judge } from './comparison/judge.ts';
import { Estimation, type PlacedSlice } from './estimation.ts';
import { LadderRuns } from './ladder-runs.ts';
import { Sampling } from './sampling.ts';
import type { AnsweredRequest, Look, ShadowSample } from './shadow-run.ts';
import type { Sharing } from './sharing.ts';
import { SiteThresholds, thresholdsOf } from './site-thresholds.ts';
import { failureOf, type Step, stepped } from './step.ts';
import { Streams } from './streams.ts';
import type { LoopTelemetry } from './telemetry.ts';

const DENSE: Exposure = { threshold: 0, candidate: null, exposure: 0 };
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
  readonly streams: Streams;
  readonly judge: Judge;
  readonly comparisons: Comparisons;
  readonly estimation: Estimation;
  readonly ladder: LadderRuns;
  readonly sampling: Sampling;
  readonly #options: LoopOptions;
  readonly #thresholds: SiteThresholds;
  readonly #clock: Clock;
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
    this.judge = new Judge({
      agreement: config.agreement,
      allowedLoss: this.control.allowedLoss,
      softmaxOutputs: options.softmaxOutputs ?? [],
      warmSamples: this.control.warmSamples,
      objective,
      decides: sharing?.decides,
      replicas: sharing?.pilot.replicas,
      onDecided: telemetry?.judged,
    });
    this.#thresholds = new SiteThresholds(sites);
    this.streams = new Streams(
      resume?.blockRequests ?? resume?.reference?.blockRequests,
      telemetry?.correlated,
      this.control.warmSamples,
      () => production(this.state).threshold > 0,
    );
    this.comparisons = new Comparisons(sites, this.control, this.streams, () => this.state);
    this.estimation = new Estimation({
      streams: this.streams,
      sites,
      poles: options.poles,
      config,
      control: this.control,
      reference: resume?.reference ?? null,
      unjudged: () => this.judge.unjudged,
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
    this.ladder = new LadderRuns({
      config,
      control: this.control,
      runtime: options.runtime,
      outputs: options.outputs,
      judge: this.judge,
      clock,
      state: () => this.state,
      thresholdsAt: (threshold) => thresholdsOf(threshold, sites, this.state.gated),
      spacing: () => this.streams.spacing,
      samplingPays: () => this.sampling.pays(),
      isSaving: () => this.sampling.isSaving,
      shared: sharing?.pilot,
      emit: (event) => this.#commands.next(event),
      onFailure: (error) => this.sampling.failed(messageOf(error)),
    });
    this.sampling = new Sampling({
      sampler: config.sampling,
      control: this.control,
      runtime: options.runtime,
      sites,
      outputs: options.outputs,
      judge: this.judge,
      ladder: this.ladder,
      streams: this.streams,
      uncertainty: this.comparisons.uncertainty,
      clock,
      telemetry,
      state: () => this.state,
      highest: () => this.estimation.criticality?.curve.thresholds.at(-1),
      onSample: (sample) => this.take(sample),
      onBlind: (message) =>
        this.#commands.next({ kind: 'failure', at: clock.wallMs(), message, isOwn: true }),
    });
    if (this.#isPrunable && this.control.keepsInputs)
      this.#stopLooking = clock.every?.(IDLE_LOOK_MS, () => this.ladder.pump());
    // The first to hear of a step, so that whoever follows the steps finds what belongs to the new state.
    this.#steps.subscribe((step) => this.#follow(step));
    const comparisons$ = this.comparisons.events(this.#samples);
    // What is looked at because its answer is suspected is not what the traffic is like.
    const traffic$ = merge(this.#samples.pipe(filter(({ isExtra }) => !isExtra)), this.#slices);
    const snapshots$ = this.estimation.events(traffic$, () => this.state);
    merge(this.#commands, this.#survive(comparisons$), this.#survive(snapshots$))
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
      reference: this.estimation.reference,
      blockRequests: this.streams.watchedBlock,
      objective: this.judge.objective,
    };
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

  /** β over all of production, dense answers included: shape [sites] and over all sites; NaN where it is not measured yet. */
  get sparsity(): { readonly sites: readonly number[]; readonly overall: number } {
    const { threshold, share, rest } = production(this.state);
    return this.comparisons.byThreshold.weighted([
      [threshold, share * this.#paying],
      [rest, (1 - share) * this.#paying],
    ]);
  }

  /** Share of the latest requests that pruning pays for, 0–1; the others are dense. */
  get paying(): number {
    return this.#paying;
  }

  /** Whether runs of a search for a threshold are under way. */
  get isJudging(): boolean {
    return this.ladder.isBusy;
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
    const position = this.sampling.position(id);
    if (!isDense && this.state.heldBack === undefined)
      this.#paying += ((pays ? 1 : 0) - this.#paying) / PAYING_REQUESTS;
    const isPruned = !isDense && pays && this.#isPrunable;
    const threshold = isPruned ? thresholdAt(production(this.state), position) : 0;
    if (isEmpty || !this.#isPrunable) return { threshold, look: undefined };
    return { threshold, look: this.sampling.look(position, sequence) };
  }

  /**
   * Told of every answer, at the threshold that it was answered at. O(1). Never throws.
   *
   * @param outputs - of the answer, all or some.
   * @param atMs - when it was answered, on the clock that only goes forward.
   * @param isOfSeries - whether the request names no stream, and the answer is the whole of this model's.
   */
  answered(threshold: number, outputs: readonly Tensor[], atMs: number, isOfSeries = true): void {
    if (!this.#isPrunable || this.state.mode === 'off') return;
    this.ladder.pumpSoon();
    try {
      if (isOfSeries) this.streams.answered(outputs);
      this.comparisons.watch(threshold, outputs, this.judge.objective);
      if (threshold === 0 && !isWithheld(this.state)) return;
      const uncompared = this.comparisons.answered(atMs);
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
    return this.sampling.sample(request);
  }

  /** What a run at a threshold takes, shape [sites]: sites that are left out keep every activation. Not to be changed. */
  thresholdsAt(threshold: number): Float32Array {
    return this.#thresholds.at(threshold, this.state.gated);
  }

  /** Takes in what a sampled request has shown, unless it was answered before the traffic, or what is trusted, changed. */
  take(sample: ShadowSample): void {
    if (sample.epoch !== this.state.epoch) return;
    if (!sample.isExtra) this.judge.add(sample.answers);
    this.#options.sharing?.sampled(sample);
    this.#samples.next(sample);
  }

  /** An event that is not this loop's own: of another replica, or of what all of them share. */
  receive(event: ControlEvent): void {
    this.#commands.next(event);
  }

  /** Takes in samples of another replica. */
  takeSlice(slice: PlacedSlice): void {
    this.#slices.next(slice);
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
    this.ladder.close();
    this.#commands.complete();
    this.#samples.complete();
    this.#slices.complete();
    this.#steps.complete();
    this.estimation.close();
    this.#state.complete();
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

  /** What was seen of other traffic, or of answers that are not trusted any more, is left behind. */
  #follow(step: Step): void {
    const { before, after } = step;
    this.comparisons.follow(step);
    if (before.epoch !== after.epoch) this.judge.restart();
    if (appliedThreshold(before) !== appliedThreshold(after)) this.streams.beginAnswers();
    const hasFallen = after.phase.kind === 'fallback' && before.phase.kind !== 'fallback';
    if (before.epoch !== after.epoch || hasFallen) {
      this.streams.restart();
      this.ladder.clear();
    }
    if (before !== after) this.estimation.startAfresh(before, after);
    this.#state.next(after);
  }
}

/** What was searched by a measure that nobody has kept is searched again. */
function unproven(state: ControllerState): ControllerState {
  return isSearched(state.phase) ? { ...state, phase: { kind: 'warming' } } : state;
}
