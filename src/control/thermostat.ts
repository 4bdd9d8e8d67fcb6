import {
  BehaviorSubject,
  catchError,
  concat,
  distinctUntilChanged,
  filter,
  map,
  merge,
  type Observable,
  of,
  Subject,
  type Subscription,
  scan,
  tap,
} from 'rxjs';
import type { Config } from '../config.ts';
import type { Criticality } from '../criticality/critical-point.ts';
import { messageOf } from '../errors.ts';
import { mergeAll } from '../estimator/histogram.ts';
import { RollingWindow } from '../estimator/rolling-window.ts';
import { type Snapshot, snapshots } from '../estimator/snapshots.ts';
import type { ShadowSample } from '../sampling/shadow.ts';
import { type ControlEvent, type ControllerOptions, step } from './controller.ts';
import { estimate } from './estimate.ts';
import { AgreementWindow, MeasuredPruning } from './measured.ts';
import { appliedThreshold, type ControllerState, initialState, judgedThreshold, type Mode } from './state.ts';

/** Comparisons that the agreement is read from. */
const AGREEMENT_PAIRS = 500;

export interface ThermostatOptions {
  readonly sites: number;
  readonly config: Pick<Config, 'window' | 'criticality' | 'drift' | 'agreement' | 'control'>;
  /** Told how long each step of the estimator took. */
  readonly onTimed?: (step: 'critical-point', ms: number) => void;
}

/**
 * One model's loop from samples to the applied threshold.
 *
 * samples → window → snapshots → critical point ┐
 * samples → agreement of the answers            ├→ controller (a fold) → state$
 * operator's commands                           ┘
 */
export class Thermostat {
  readonly #samples = new Subject<ShadowSample>();
  readonly #commands = new Subject<ControlEvent>();
  readonly #state: BehaviorSubject<ControllerState>;
  readonly #subscription: Subscription;
  readonly #options: ThermostatOptions;
  readonly window: RollingWindow;
  readonly agreement = new AgreementWindow(AGREEMENT_PAIRS);
  readonly measured: MeasuredPruning;
  #criticality: Criticality | null = null;

  constructor(options: ThermostatOptions) {
    const { sites, config } = options;
    this.#options = options;
    this.window = new RollingWindow({
      sites,
      slices: config.window.slices,
      sliceSamples: config.window.sliceSamples,
      maxAgeMs: config.window.maxAgeSeconds * 1000,
    });
    this.measured = new MeasuredPruning(sites);
    const controllerOptions = controllerOptionsOf(config);
    const initial = initialState(config.control.mode, config.control.threshold, controllerOptions);
    this.#state = new BehaviorSubject(initial);
    this.#subscription = merge(this.#commands, survive(this.#pairs()), survive(this.#estimates()))
      .pipe(
        scan((state, event) => safeStep(state, event, controllerOptions), initial),
        distinctUntilChanged(),
        tap((state) => this.#startAfresh(this.#state.value, state)),
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

  /** The latest estimate; null before the first. */
  get criticality(): Criticality | null {
    return this.#criticality;
  }

  get applied(): number {
    return appliedThreshold(this.state);
  }

  get judged(): number {
    return judgedThreshold(this.state);
  }

  add(sample: ShadowSample): void {
    this.#samples.next(sample);
  }

  setMode(mode: Mode, threshold: number | undefined, at: number): void {
    this.#commands.next({ kind: 'mode', mode, at, ...(threshold === undefined ? {} : { threshold }) });
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.#state.complete();
  }

  #pairs(): Observable<ControlEvent> {
    return this.#samples.pipe(
      filter(({ judged }) => judged !== null && judged.threshold === this.judged),
      tap(({ histograms, judged }) => this.measured.add(histograms, judged!.retained)),
      filter(({ judged }) => judged!.comparison !== null),
      map(({ at, judged }): ControlEvent => {
        const comparison = judged!.comparison!;
        this.agreement.add(comparison);
        const disagreement = 1 - comparison.agreed / comparison.rows;
        return { kind: 'pair', at, threshold: judged!.threshold, disagreement };
      }),
    );
  }

  #estimates(): Observable<ControlEvent> {
    const { window, drift } = this.#options.config;
    return this.#samples.pipe(
      snapshots(this.window, window.every, drift.recentSlices),
      map((snapshot) => this.#estimate(snapshot)),
    );
  }

  #estimate({ at, samples, newSamples, slices, recent }: Snapshot): ControlEvent {
    const started = performance.now();
    this.#criticality = estimate(slices.map(mergeAll), this.#options.config.criticality);
    this.#options.onTimed?.('critical-point', performance.now() - started);
    return { kind: 'snapshot', at, samples, newSamples, criticality: this.#criticality, slices, recent };
  }

  /** Measurements belong to one threshold, and a window to one epoch. */
  #startAfresh(before: ControllerState, after: ControllerState): void {
    if (judgedThreshold(before) !== judgedThreshold(after)) {
      this.agreement.reset();
      this.measured.reset();
    }
    if (before.epoch !== after.epoch) {
      this.window.reset();
      this.#criticality = null;
    }
  }
}

export function controllerOptionsOf({
  window,
  drift,
  agreement,
}: Pick<Config, 'window' | 'drift' | 'agreement'>): ControllerOptions {
  return {
    agreementFloor: agreement.floor,
    alpha: agreement.alpha,
    trialSamples: agreement.trialSamples,
    cooldownSamples: agreement.cooldownSamples,
    // The newest slice may have just begun when the window is as full as it gets.
    warmSamples: Math.min(window.minSamples, (window.slices - 1) * window.sliceSamples),
    drift,
  };
}

/** A stage that throws loses the sample at hand, not the loop: the controller is told and the stage goes on. */
function survive(events$: Observable<ControlEvent>): Observable<ControlEvent> {
  return events$.pipe(catchError((error, again$) => concat(of(failure(error)), again$)));
}

function safeStep(state: ControllerState, event: ControlEvent, options: ControllerOptions): ControllerState {
  try {
    return step(state, event, options);
  } catch (error) {
    return step(state, failure(error), options);
  }
}

function failure(error: unknown): ControlEvent {
  return { kind: 'failure', at: Date.now(), message: messageOf(error) };
}
