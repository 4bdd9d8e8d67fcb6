import type { Logger } from 'pino';
import { messageOf } from '../config/errors.ts';
import type { Config } from '../config/schema.ts';
import { nonzeroCount } from '../estimator/histogram.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { Sampler } from './sampler.ts';
import { type Look, type ServedRequest, type ShadowSample, shadow } from './shadow.ts';
import type { Thermostat } from './thermostat.ts';

/** What passes the gates is counted on every so many samples: it takes a run of its own. */
const COUNT_EVERY = 4;
/** Of the time that a sample takes from the thread that serves, the messages to workers and back take about half. */
const WITH_MESSAGES = 2;
/** Failed shadow runs in a row after which nothing is known of the answers any more. */
const BLIND_AFTER = 32;

export interface ShadowSamplingOptions {
  readonly model: string;
  readonly sites: number;
  /** Names of the model's outputs. */
  readonly outputs: readonly string[];
  readonly config: Pick<Config, 'sampling' | 'agreement'>;
  readonly runtime: Runtime;
  readonly thermostat: Thermostat;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** From production requests to what the thermostat learns of them: some are chosen, run again in the shadow, and counted. */
export class ShadowSampling {
  readonly outcomes = { ok: 0, dropped: 0, failed: 0 };
  readonly #options: ShadowSamplingOptions;
  readonly #sampler: Sampler;
  #sampled = 0;
  #failedInARow = 0;
  /** What samples have taken of the thread that serves. */
  #servingMs = 0;

  constructor(options: ShadowSamplingOptions) {
    this.#options = options;
    this.#sampler = new Sampler(options.config.sampling);
  }

  /** A request's place in [0, 1): see `Sampler.position`. */
  position(id: string | undefined): number {
    return this.#sampler.position(id);
  }

  /** What is to be known of the request at a position if it is to be run again; asked once per request. */
  chosen(position: number): Look | undefined {
    const { sites, thermostat, runtime } = this.#options;
    if (sites === 0 || thermostat.state.mode === 'off') return undefined;
    const interest = thermostat.interestIn(position);
    const spending = { ...runtime.busy, servingMs: this.#servingMs };
    const decision = this.#sampler.decide(position, performance.now(), spending, interest);
    if (decision === 'over-budget') this.#count('dropped');
    if (decision === 'pass' || decision === 'over-budget') return undefined;
    return thermostat.lookAt(position, decision === 'extra');
  }

  /** After the response is on its way; nothing here can reach the client. */
  sample(served: ServedRequest): void {
    setImmediate(() => {
      const { sites, outputs, config, runtime, thermostat } = this.#options;
      const counts = this.#sampled++ % COUNT_EVERY === 0;
      const options = { sites, outputs, agreement: config.agreement, counts };
      shadow(runtime, served, thermostat.judgedAt(served.position), options).then(
        (sample) => (sample === 'dropped' ? this.#count('dropped') : this.#succeeded(sample)),
        (error: unknown) => this.#failed(messageOf(error)),
      );
    });
  }

  #succeeded(sample: ShadowSample): void {
    const { model, metrics, thermostat } = this.#options;
    const started = performance.now();
    this.#count('ok');
    this.#failedInARow = 0;
    metrics.estimatorDuration.observe({ step: 'binning' }, sample.binningMs / 1000);
    let seen = 0;
    let nonFinite = 0;
    for (const h of sample.histograms) {
      seen += h.zeros + nonzeroCount(h);
      nonFinite += h.nonFinite;
    }
    metrics.activationsSampled.inc({ model }, seen);
    metrics.activationsNonFinite.inc({ model }, nonFinite);
    this.#compared(sample);
    thermostat.add(sample);
    this.#servingMs += WITH_MESSAGES * (performance.now() - started) + sample.comparingMs;
  }

  #failed(message: string): void {
    const { model, log, thermostat } = this.#options;
    this.#count('failed');
    if (++this.#failedInARow % BLIND_AFTER === 0) thermostat.fail(`shadow runs fail: ${message}`);
    log.warn({ model, error: message }, 'shadow run failed');
  }

  #compared({ judged }: ShadowSample): void {
    const { model, metrics } = this.#options;
    for (const { comparison, isServed } of judged) {
      if (comparison === null || !isServed) continue;
      const { rows, agreed } = comparison;
      metrics.comparedAnswers.inc({ model, outcome: 'agreed' }, agreed);
      metrics.comparedAnswers.inc({ model, outcome: 'disagreed' }, rows - agreed);
    }
  }

  #count(outcome: 'ok' | 'dropped' | 'failed'): void {
    const { model, metrics } = this.#options;
    this.outcomes[outcome]++;
    metrics.shadowRuns.inc({ model, outcome });
  }
}
