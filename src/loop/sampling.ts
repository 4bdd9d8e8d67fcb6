import type { SpanContext } from '@opentelemetry/api';
import { messageOf } from '../config/errors.ts';
import { type Interest, interestIn } from '../control/phases/interest.ts';
import {
  comparedThresholds,
  dueAt,
  isSeeking,
  production,
  thresholdAt,
} from '../control/phases/production.ts';
import type { ControllerState, ControlOptions } from '../control/phases/state.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Clock } from './clock.ts';
import type { Judge } from './comparison/judge.ts';
import type { LadderRuns } from './ladder-runs.ts';
import { Sampler, type SamplerOptions, type Spending } from './sampler.ts';
import { type AnsweredRequest, type Look, type ShadowSample, shadowRun } from './shadow-run.ts';
import { thresholdsOf } from './site-thresholds.ts';
import { isOfNamed, type Streams } from './streams.ts';
import type { LoopTelemetry, ShadowOutcome } from './telemetry.ts';
import type { UncertaintyWatch } from './uncertainty-watch.ts';

/** What passes the gates is counted on every so many samples: it takes a run of its own. */
const COUNT_EVERY = 4;
/** Of the time that a sample takes from the thread that serves, the messages to workers and back take about half. */
const WITH_MESSAGES = 2;
/** Failed shadow runs in a row after which nothing is known of the answers any more. */
const BLIND_AFTER = 32;

export interface SamplingOptions {
  readonly sampler: SamplerOptions;
  readonly control: ControlOptions;
  readonly runtime: Pick<Runtime, 'shadow' | 'busy'>;
  readonly sites: number;
  /** Every output of the model. */
  readonly outputs: readonly string[];
  readonly judge: Pick<Judge, 'compare' | 'isProbing'>;
  readonly ladder: LadderRuns;
  readonly streams: Streams;
  readonly uncertainty: UncertaintyWatch;
  readonly clock: Clock;
  readonly telemetry?: LoopTelemetry | undefined;
  readonly state: () => ControllerState;
  /** The highest candidate; undefined: none is known. */
  readonly highest: () => number | undefined;
  readonly onSample: (sample: ShadowSample) => void;
  /** So many shadow runs have failed in a row that nothing is known of the answers any more. */
  readonly onBlind: (message: string) => void;
}

/** Chooses the requests that are looked at again, keeps those that the search asks for, and runs the others in the shadow. */
export class Sampling {
  /** What became of the requests that were sampled. */
  readonly outcomes: Record<ShadowOutcome, number> = { ok: 0, dropped: 0, overBudget: 0, failed: 0 };
  readonly #options: SamplingOptions;
  readonly #sampler: Sampler;
  #sampled = 0;
  #failedInARow = 0;
  /** What samples have taken of the thread that serves. */
  #servingMs = 0;

  constructor(options: SamplingOptions) {
    this.#options = options;
    this.#sampler = new Sampler(options.sampler);
  }

  /** See `Sampler`. */
  position(id: string | undefined): number {
    return this.#sampler.position(id);
  }

  /** Whether the sampling budget pays for one more run, with nothing of what is saved for surprises. */
  pays(): boolean {
    return this.#sampler.pays(this.#options.clock.monotonicMs(), this.#spending);
  }

  /** Whether a part of what sampling may take is being saved for surprises. */
  get isSaving(): boolean {
    return this.#sampler.isSaving;
  }

  /** How much a request at a position in [0, 1) is wanted as a sample. */
  interestIn(position: number): Interest {
    const { control, uncertainty, state } = this.#options;
    const interest = interestIn(state(), position, control);
    if (interest === 'urgent' || !uncertainty.isWatching) return interest;
    return uncertainty.isSuspicious(thresholdAt(production(state()), position)) ? 'suspect' : interest;
  }

  /** What is to be known of the request at a position if it is to be looked at again; asked once per request. */
  look(position: number, sequence: string | undefined): Look | undefined {
    const { clock, ladder, streams } = this.#options;
    const state = this.#options.state();
    if (state.mode === 'off') return undefined;
    const place = streams.next(sequence);
    // Of a named stream one request of each block is kept; of the others so many that they are about as far apart, which the search sees to.
    const isFirst = sequence === undefined || streams.isFirstOfBlock(place);
    const isKept = isFirst && ladder.wants(sequence !== undefined);
    const interest = this.interestIn(position);
    const decision = this.#sampler.decide(position, clock.monotonicMs(), this.#spending, interest);
    const isPassed = decision === 'pass' || decision === 'over-budget';
    const isSearched = isPassed && isSeeking(state) && ladder.isOn && ladder.budget.isIdle();
    if (decision === 'over-budget' && !isSearched) this.#count('overBudget');
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

  /**
   * Runs a request again, once the event loop has nothing else to do.
   *
   * @returns resolves when the controller knows what that has shown, or that it has shown nothing.
   */
  sample(request: AnsweredRequest): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#keep(request);
        if (request.isOnlyKept === true) resolve();
        else this.#run(request).then(resolve, resolve);
      });
    });
  }

  /** A shadow run failed. @param origin - the span of its request. */
  failed(message: string, origin?: SpanContext): void {
    this.#count('failed', message, origin);
    if (++this.#failedInARow % BLIND_AFTER === 0) this.#options.onBlind(`shadow runs fail: ${message}`);
  }

  /** Time that samples have taken, without what the search for a threshold has. */
  get #spending(): Spending {
    const { runtime, ladder } = this.#options;
    const { shadowMs, workers } = runtime.busy;
    return { shadowMs: shadowMs - ladder.budget.searchMs, workers, servingMs: this.#servingMs };
  }

  #keep({ isKept, epoch, inputs, outputs, threshold }: AnsweredRequest): void {
    const { ladder, state } = this.#options;
    if (isKept !== true || epoch !== state().epoch) return;
    ladder.keep(inputs, threshold === 0 ? (outputs ?? null) : null);
  }

  async #run(request: AnsweredRequest): Promise<void> {
    const { sites, outputs, runtime, judge, ladder, clock, state, highest } = this.#options;
    const counts = this.#sampled++ % COUNT_EVERY === 0;
    const probe = judge.isProbing ? highest() : undefined;
    const { gated } = state();
    const thresholdsAt = (threshold: number) => thresholdsOf(threshold, sites, gated);
    const options = { thresholdsAt, outputs, judge, counts, probe };
    try {
      const thresholds = comparedThresholds(state(), request.position);
      const sample = await shadowRun(runtime, request, thresholds, options, clock);
      if (sample !== 'dropped' && request.isOfSearch === true) ladder.budget.spend('idle', sample.workerMs);
      // What other sites' pruning has shown says nothing of this.
      if (sample === 'dropped' || gated !== state().gated) this.#count('dropped');
      else this.#succeeded(sample);
    } catch (error) {
      this.failed(messageOf(error), request.origin);
    }
  }

  #succeeded(sample: ShadowSample): void {
    const { clock, telemetry, onSample } = this.#options;
    const started = clock.monotonicMs();
    this.#failedInARow = 0;
    this.#count('ok');
    telemetry?.sampled?.(sample);
    if (!sample.isExtra) this.#offer(sample);
    onSample(sample);
    this.#servingMs += WITH_MESSAGES * (clock.monotonicMs() - started) + sample.comparingMs;
  }

  /** As in `look`: of a named stream only what is the first of a block. */
  #offer({ answers, place }: ShadowSample): void {
    const { ladder, streams } = this.#options;
    const isNamed = place !== undefined && isOfNamed(place);
    if (!isNamed || streams.isFirstOfBlock(place)) ladder.offer(answers.inputs, answers.dense, isNamed);
  }

  #count(outcome: ShadowOutcome, error?: string, origin?: SpanContext): void {
    this.outcomes[outcome]++;
    this.#options.telemetry?.shadowRun?.(outcome, error, origin);
  }
}
