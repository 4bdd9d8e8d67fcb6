import {
  BehaviorSubject,
  catchError,
  concat,
  distinctUntilChanged,
  filter,
  from,
  merge,
  mergeMap,
  type Observable,
  of,
  Subject,
  type Subscription,
  scan,
} from 'rxjs';
import { messageOf } from '../config/errors.ts';
import type { Mode } from '../config/modes.ts';
import type { Config } from '../config/schema.ts';
import { step } from '../control/phases/controller.ts';
import type { ControlEvent } from '../control/phases/event.ts';
import { type Interest, interestIn } from '../control/phases/interest.ts';
import { controlOptionsOf } from '../control/phases/options.ts';
import {
  appliedThreshold,
  dueAt,
  isWithheld,
  judgedThreshold,
  judgedThresholds,
  production,
  thresholdAt,
} from '../control/phases/production.ts';
import { type ControllerState, type ControlOptions, initialState } from '../control/phases/state.ts';
import type { Criticality } from '../criticality/critical-point.ts';
import type { DriftReference } from '../drift/detector.ts';
import type { RollingWindow } from '../estimator/rolling-window.ts';
import { AgreementWindow, MeasuredPruning } from './comparison/measured.ts';
import { Estimation } from './estimation.ts';
import type { Judged, Look, ShadowSample } from './shadow.ts';
import { Silence } from './silence.ts';
import { UncertaintyWatch } from './uncertainty.ts';

/** Comparisons that the agreement is read from. */
const AGREEMENT_PAIRS = 500;

/** What a thermostat knows beyond its window: enough to go on from after a restart. */
export interface Memory {
  readonly state: ControllerState;
  /** What drift is measured from. */
  readonly reference: DriftReference | null;
}

export interface ThermostatOptions {
  readonly sites: number;
  readonly config: Pick<Config, 'window' | 'sampling' | 'criticality' | 'drift' | 'agreement' | 'control'>;
  /** Where to go on from; by default the beginning. */
  readonly memory?: Memory | undefined;
  /** Told how long each step of the estimator took. */
  readonly onTimed?: (step: 'critical-point', ms: number) => void;
  /** Told every event that reached the controller, with the state after it. */
  readonly onStep?: (event: ControlEvent, state: ControllerState) => void;
}

/**
 * One model's loop from samples to the applied threshold.
 *
 * samples → window → snapshots → critical point, drift ┐
 * samples → loss of the pruned answers                 ├→ controller (a fold) → state$
 * operator's commands                                  ┘
 */
export class Thermostat {
  readonly #samples = new Subject<ShadowSample>();
  readonly #commands = new Subject<ControlEvent>();
  readonly #state: BehaviorSubject<ControllerState>;
  readonly #subscription: Subscription;
  readonly #options: ThermostatOptions;
  readonly control: ControlOptions;
  readonly #estimation: Estimation;
  readonly agreement = new AgreementWindow(AGREEMENT_PAIRS);
  readonly measured: MeasuredPruning;
  readonly #silence: Silence;
  readonly #uncertainty = new UncertaintyWatch();

  constructor(options: ThermostatOptions) {
    const { sites, config, memory } = options;
    this.#options = options;
    this.measured = new MeasuredPruning(sites);
    this.control = controlOptionsOf(config);
    this.#estimation = new Estimation({
      sites,
      config,
      control: this.control,
      reference: memory?.reference ?? null,
      onTimed: options.onTimed,
    });
    this.#silence = new Silence(this.control);
    const initial =
      memory?.state ?? initialState(config.control.mode, config.control.threshold, this.control);
    this.#state = new BehaviorSubject(initial);
    this.#subscription = merge(
      this.#commands,
      survive(this.#pairs()),
      survive(this.#estimation.events(ofTraffic(this.#samples), () => this.state)),
    )
      .pipe(
        scan((state, event) => this.#step(state, event), initial),
        distinctUntilChanged(),
      )
      .subscribe(this.#state);
  }

  get state(): ControllerState {
    return this.#state.value;
  }

  /** The present state, then every new one. */
  get state$(): Observable<ControllerState> {
    return this.#state.asObservable();
  }

  get memory(): Memory {
    return { state: this.state, reference: this.#estimation.reference };
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

  /** The threshold of most of production; 0 is dense. */
  get applied(): number {
    return appliedThreshold(this.state);
  }

  /** The threshold for a request at a position in [0, 1); 0 is dense. */
  thresholdAt(position: number): number {
    return thresholdAt(production(this.state), position);
  }

  /** What is to be known of a request that is sampled, when it is answered. */
  lookAt(position: number, isExtra = false): Look {
    return { position, epoch: this.state.epoch, due: dueAt(this.state, position), isExtra };
  }

  /** The thresholds that a sampled request at a position is to be compared at. */
  judgedAt(position: number): readonly number[] {
    return judgedThresholds(this.state, position);
  }

  /** How much a request at a position is wanted as a sample. */
  interestIn(position: number): Interest {
    const interest = interestIn(this.state, position, this.control);
    if (interest === 'urgent' || !this.#uncertainty.isWatching) return interest;
    return this.#uncertainty.isSuspicious(this.thresholdAt(position)) ? 'suspect' : interest;
  }

  /**
   * Told of every request that was answered, at the threshold that it was answered at; 0 is dense. O(1).
   *
   * @param lead - of the answer, see `leadOf`; null where there is none.
   */
  answered(threshold: number, lead: number | null, nowMs: number): void {
    if (threshold === 0 && !isWithheld(this.state)) return;
    if (threshold > 0 && lead !== null) this.#uncertainty.answered(threshold, lead);
    const silence = this.#silence.add(nowMs);
    if (silence !== null) this.#commands.next({ kind: 'silence', at: Date.now(), ...silence });
  }

  /** Takes in what a sampled request has shown, unless it was answered before the traffic, or what is trusted, changed. */
  add(sample: ShadowSample): void {
    if (sample.epoch === this.state.epoch) this.#samples.next(sample);
  }

  setMode(mode: Mode, threshold: number | undefined, at: number): void {
    this.#commands.next({ kind: 'mode', mode, at, ...(threshold === undefined ? {} : { threshold }) });
  }

  /** What samples would tell cannot be known: dense until it can. */
  fail(message: string): void {
    this.#commands.next(failure(new Error(message), Date.now()));
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.#estimation.close();
    this.#state.complete();
  }

  #pairs(): Observable<ControlEvent> {
    return this.#samples.pipe(
      mergeMap((sample) => from(sample.judged).pipe(mergeMap((entry) => this.#compared(sample, entry)))),
    );
  }

  #compared({ at, histograms, isExtra }: ShadowSample, judged: Judged): ControlEvent[] {
    const { threshold, comparison, retained, isDue } = judged;
    if (comparison !== null) this.#uncertainty.compared(threshold, comparison.loss);
    if (threshold === judgedThreshold(this.state) && !isExtra) {
      if (retained !== null) this.measured.add(histograms, retained);
      if (comparison !== null) this.agreement.add(comparison);
    }
    return comparison === null ? [] : [{ kind: 'pair', at, threshold, loss: comparison.loss, isDue }];
  }

  #step(state: ControllerState, event: ControlEvent): ControllerState {
    let told = event;
    let next: ControllerState;
    try {
      next = step(state, event, this.control);
    } catch (error) {
      told = failure(error, event.at);
      next = step(state, told, this.control);
    }
    if (next !== state) this.#startAfresh(state, next);
    if (isCompared(state, told) || next.change !== state.change) this.#silence.end();
    this.#options.onStep?.(told, next);
    return next;
  }

  /** Measurements belong to one threshold. */
  #startAfresh(before: ControllerState, after: ControllerState): void {
    if (judgedThreshold(before) !== judgedThreshold(after)) {
      this.agreement.reset();
      this.measured.reset();
    }
    if (before.epoch !== after.epoch) this.#uncertainty.reset();
    this.#estimation.startAfresh(before, after);
  }
}

/** What is looked at because its answer is suspected is not what the traffic is like. */
function ofTraffic(samples$: Observable<ShadowSample>): Observable<ShadowSample> {
  return samples$.pipe(filter(({ isExtra }) => !isExtra));
}

/** Whether an event says something of what most of production runs at, or would but for want of comparisons. */
function isCompared(state: ControllerState, event: ControlEvent): boolean {
  return event.kind === 'pair' && event.threshold === (appliedThreshold(state) || judgedThreshold(state));
}

/** A stage that throws loses the sample at hand, not the loop: the controller is told and the stage goes on. */
function survive(events$: Observable<ControlEvent>): Observable<ControlEvent> {
  return events$.pipe(catchError((error, again$) => concat(of(failure(error, Date.now())), again$)));
}

function failure(error: unknown, at: number): ControlEvent {
  return { kind: 'failure', at, message: messageOf(error) };
}
