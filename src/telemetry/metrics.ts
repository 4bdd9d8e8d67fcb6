import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { prefersOpenMetrics, toOpenMetrics } from './exposition.ts';

const SECONDS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const BATCH_REQUESTS = [1, 2, 4, 8, 16, 32, 64, 128];
const ESTIMATE_SECONDS = [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.1];

let ofProcess: Registry | undefined;

/** Memory, CPU, event loop and garbage collection: of the process, whose observers stay, so they are made once. */
function processMetrics(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** Every metric that taustat exports, in base units; `_ratio` is 0–1. One instance per server. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #ofProcess = processMetrics();
  readonly #gauges: { reset(): void }[] = [];

  readonly requests = this.#counter('requests_total', 'Inference requests by outcome.', ['model', 'outcome']);
  readonly requestDuration = this.#histogram(
    'request_duration_seconds',
    'Time of an inference request: waiting for a worker, in the model, and in all.',
    ['model', 'phase'],
    SECONDS,
  );
  readonly threshold = this.#gauge('threshold', 'Activation threshold applied to production; 0 is dense.', [
    'model',
    'site',
  ]);
  readonly sparsity = this.#gauge(
    'sparsity_ratio',
    'Share of nonzero activations that the gates zeroed, measured on pruned runs; site "all" is over all sites.',
    ['model', 'site'],
  );
  readonly zeroRatio = this.#gauge(
    'zero_activations_ratio',
    'Share of activations that are exactly zero before any gate; site "all" is over all sites.',
    ['model', 'site'],
  );
  readonly criticalThreshold = this.#gauge(
    'critical_threshold',
    'Critical threshold of the renormalized free energy; absent when there is none.',
    ['model'],
  );
  readonly criticalSparsity = this.#gauge(
    'critical_sparsity_ratio',
    'Sparsity at the critical threshold; absent when there is none.',
    ['model'],
  );
  readonly freeEnergy = this.#gauge(
    'free_energy',
    'Free energy at the applied threshold: from unpruned activations, and measured on pruned runs.',
    ['model', 'kind'],
  );
  readonly agreement = this.#gauge(
    'agreement_ratio',
    'Share of sampled answers that agree with the dense model.',
    ['model'],
  );
  readonly agreementLowerBound = this.#gauge(
    'agreement_lower_bound_ratio',
    'Lower end of the 95 % Wilson interval of the agreement.',
    ['model'],
  );
  readonly loss = this.#gauge(
    'loss_ratio',
    'Mean loss of sampled answers against the dense model, by the measure of the objective.',
    ['model'],
  );
  readonly allowedLoss = this.#gauge('allowed_loss_ratio', 'Mean loss that the objective allows.', ['model']);
  readonly divergence = this.#gauge(
    'output_divergence',
    'Mean divergence of pruned from dense answers: KL of the softmax in nats, and 1 - cosine.',
    ['model', 'kind'],
  );
  readonly driftDistance = this.#gauge(
    'drift_distance',
    'Shift of level or spread of ln|a| from the reference, in deviations between requests; largest over the sites.',
    ['model'],
  );
  readonly driftLimit = this.#gauge('drift_limit', 'Distance above which the traffic counts as drifted.', [
    'model',
  ]);
  readonly thresholdChanges = this.#counter('threshold_changes_total', 'Changes of the applied threshold.', [
    'model',
    'reason',
  ]);
  readonly state = this.#gauge('state', 'State of the controller: 1 for the present one, else 0.', [
    'model',
    'state',
  ]);
  readonly shadowRuns = this.#counter('shadow_runs_total', 'Sampled requests by what became of them.', [
    'model',
    'outcome',
  ]);
  readonly comparedAnswers = this.#counter(
    'compared_answers_total',
    'Rows of answers that clients got from the pruned model and that were compared with the dense one.',
    ['model', 'outcome'],
  );
  readonly activationsSampled = this.#counter(
    'activations_sampled_total',
    'Activations taken into the estimator.',
    ['model'],
  );
  readonly activationsNonFinite = this.#counter(
    'activations_nonfinite_total',
    'Sampled activations that were NaN or infinite and were left out of the estimator.',
    ['model'],
  );
  readonly estimatorDuration = this.#histogram(
    'estimator_duration_seconds',
    'Time of a step of the estimator.',
    ['step'],
    ESTIMATE_SECONDS,
  );
  readonly modelReady = this.#gauge(
    'model_ready',
    'Whether a version of the model answers: 1 or 0; absent for a model that was unloaded.',
    ['model'],
  );
  readonly queue = this.#gauge('queue_requests', 'Requests that wait or run.', ['model']);
  readonly batchRequests = this.#histogram(
    'batch_requests',
    'Requests that shared one run of the model; only where batching is on.',
    ['model'],
    BATCH_REQUESTS,
  );
  readonly workersLost = this.#counter(
    'workers_lost_total',
    'Inference workers that died and were replaced.',
    ['model'],
  );

  readonly stateFailures = this.#counter(
    'state_failures_total',
    'What was to be kept over a restart and could not be written or read: choice, evidence or audit.',
    ['model', 'what'],
  );

  /**
   * Forgets every gauge: they are read anew at each scrape, so nothing stays of a model that is not served any more, nor of
   * the sites of the version before.
   */
  resetGauges(): void {
    for (const gauge of this.#gauges) gauge.reset();
  }

  /** The exposition in the format that the Accept header prefers, with the metrics of the process. */
  async expose(accept: string | undefined): Promise<{ contentType: string; body: string }> {
    const registry = Registry.merge([this.#registry, this.#ofProcess]);
    const text = await registry.metrics();
    return prefersOpenMetrics(accept)
      ? { contentType: Registry.OPENMETRICS_CONTENT_TYPE, body: toOpenMetrics(text) }
      : { contentType: registry.contentType, body: text };
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name: `taustat_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    const gauge = new Gauge({ name: `taustat_${name}`, help, labelNames, registers: [this.#registry] });
    this.#gauges.push(gauge);
    return gauge;
  }

  #histogram<L extends string>(name: string, help: string, labelNames: L[], buckets: number[]): Histogram<L> {
    return new Histogram({ name: `taustat_${name}`, help, labelNames, buckets, registers: [this.#registry] });
  }
}
