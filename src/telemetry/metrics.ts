import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { prefersOpenMetrics, toOpenMetrics } from './exposition.ts';

const SECONDS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const BATCH_REQUESTS = [1, 2, 4, 8, 16, 32, 64, 128];
const ESTIMATE_SECONDS = [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.1];

let ofProcess: Registry | undefined;

/** Of the process, as its log is. */
export const logLinesDropped = new Counter({
  name: 'taustat_log_lines_dropped_total',
  help: 'Lines of the log that its destination did not take: a full disk, a closed pipe, or a slow reader.',
  registers: [],
});

/** Memory, CPU, event loop and garbage collection: of the process, whose observers stay, so they are made once. */
function processMetrics(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    ofProcess.registerMetric(logLinesDropped);
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** What is bounded over all clients. */
export type Bound = 'buffered_bytes' | 'connections' | 'event_streams';

/** Every metric that taustat exports, in base units; `_ratio` is 0–1. One instance per server. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #ofProcess = processMetrics();
  readonly #gauges: { reset(): void }[] = [];

  readonly requests = this.#counter(
    'requests_total',
    'Inference requests, by outcome: ok, or the code of the error in lower case.',
    ['model', 'outcome'],
  );
  readonly refused = this.#counter(
    'refused_total',
    'What was refused because a bound of the server was reached: buffered_bytes (a request), connections, event_streams.',
    ['bound'],
  );
  readonly requestDuration = this.#histogram(
    'request_duration_seconds',
    'Time of a successful inference request, by phase: queue (waiting for a worker), infer (in the model), total.',
    ['model', 'phase'],
    SECONDS,
  );
  readonly threshold = this.#gauge(
    'threshold',
    'Threshold that the largest pruned share of production is answered at; 0: every answer is dense.',
    ['model', 'site'],
  );
  readonly candidateThreshold = this.#gauge(
    'candidate_threshold',
    'Threshold that is in production or on its way there, else the one on trial; absent without one.',
    ['model'],
  );
  readonly exposure = this.#gauge(
    'exposure_ratio',
    'Share of production that is answered at the candidate threshold; 0: every answer is dense.',
    ['model'],
  );
  readonly answers = this.#counter(
    'answers_total',
    'Answers that clients got, by what they were computed with: dense or pruned.',
    ['model', 'answer'],
  );
  readonly sparsity = this.#gauge(
    'sparsity_ratio',
    'Share of nonzero activations that the gates set to zero, over all of production, dense answers included; site "all": over all sites.',
    ['model', 'site'],
  );
  readonly timeSaved = this.#gauge(
    'time_saved_ratio',
    'Share of the time of the plain model that pruning saves, over all of production; 0: every answer is dense. Sampled requests are run both ways; before enough were, from the latest plan.',
    ['model'],
  );
  readonly macsSkipped = this.#gauge(
    'macs_skipped_ratio',
    'Share of multiplications that are left out since a factor is zero, of the layers that skip zeros, over the latest requests; dense answers leave out none.',
    ['model'],
  );
  readonly planInfo = this.#gauge(
    'plan_info',
    'Always 1. What the latest measurement of the time that pruning saves has led to: unmeasured, sparse, unprofitable or impossible.',
    ['model', 'plan'],
  );
  readonly zeroRatio = this.#gauge(
    'zero_activations_ratio',
    'Share of activations that are zero before any gate; site "all": over all sites.',
    ['model', 'site'],
  );
  readonly criticalThreshold = this.#gauge(
    'critical_threshold',
    'Critical threshold of the renormalized free energy; absent while there is none.',
    ['model'],
  );
  readonly criticalSparsity = this.#gauge(
    'critical_sparsity_ratio',
    'Sparsity at the critical threshold; absent while there is none.',
    ['model'],
  );
  readonly freeEnergy = this.#gauge(
    'free_energy',
    'Free energy at the applied threshold, by kind: renormalized (from dense runs) or measured (in pruned runs).',
    ['model', 'kind'],
  );
  readonly agreement = this.#gauge(
    'agreement_ratio',
    'Share of compared answers that agree with the dense model.',
    ['model'],
  );
  readonly agreementLowerBound = this.#gauge(
    'agreement_lower_bound_ratio',
    'Lower end of the 95 % Wilson interval of the agreement ratio.',
    ['model'],
  );
  readonly loss = this.#gauge(
    'loss_ratio',
    'Mean loss of compared answers against the dense model, by the measure of the objective.',
    ['model'],
  );
  readonly allowedLoss = this.#gauge('allowed_loss_ratio', 'Mean loss that the objective allows.', ['model']);
  readonly divergence = this.#gauge(
    'output_divergence',
    'Mean divergence of pruned from dense answers, by kind: kl (of the softmax, in nats) or cosine (1 - cosine).',
    ['model', 'kind'],
  );
  readonly driftDistance = this.#gauge(
    'drift_distance',
    'Largest shift over the sites of the level or spread of ln|a| from the reference, in standard deviations between requests.',
    ['model'],
  );
  readonly driftLimit = this.#gauge('drift_limit', 'Drift distance above which traffic counts as drifted.', [
    'model',
  ]);
  readonly thresholdChanges = this.#counter(
    'threshold_changes_total',
    'Changes of the threshold that the largest pruned share of production is answered at, by reason.',
    ['model', 'reason'],
  );
  readonly state = this.#gauge('state', 'Controller state: 1 for the current state, 0 for the others.', [
    'model',
    'state',
  ]);
  readonly shadowRuns = this.#counter(
    'shadow_runs_total',
    'Shadow runs of sampled requests, by outcome: ok, dropped or failed.',
    ['model', 'outcome'],
  );
  readonly testResults = this.#counter(
    'test_results_total',
    'Kept requests that a candidate was judged on, summed over the candidates of all searches.',
    ['model'],
  );
  readonly keptInputs = this.#gauge(
    'kept_input_bytes',
    'Memory of the requests that are kept to judge candidates on, in bytes.',
    ['model'],
  );
  readonly searchSeconds = this.#gauge(
    'search_seconds_left',
    'Seconds until the most promising candidate is likely to be proven; absent where none is tested, or nobody can tell.',
    ['model'],
  );
  readonly comparedAnswers = this.#counter(
    'compared_answers_total',
    'Rows of pruned answers of production that were compared with dense ones, by outcome: agreed or disagreed.',
    ['model', 'outcome'],
  );
  readonly nonFiniteAnswers = this.#counter(
    'nonfinite_answers_total',
    'Pruned answers that were NaN or infinite somewhere, and were answered dense instead.',
    ['model'],
  );
  readonly activationsSampled = this.#counter(
    'activations_sampled_total',
    'Activations that the estimator has counted.',
    ['model'],
  );
  readonly activationsNonFinite = this.#counter(
    'activations_nonfinite_total',
    'Activations that the estimator left out because they were NaN or infinite.',
    ['model'],
  );
  readonly estimatorDuration = this.#histogram(
    'estimator_duration_seconds',
    'Time of the estimator, by step.',
    ['step'],
    ESTIMATE_SECONDS,
  );
  readonly modelReady = this.#gauge(
    'model_ready',
    'Whether the model answers: 1 or 0; absent for a model that was unloaded.',
    ['model'],
  );
  readonly queue = this.#gauge('queue_requests', 'Requests that wait or run now.', ['model']);
  readonly batchRequests = this.#histogram(
    'batch_requests',
    'Requests that shared one run of the model; absent unless batching is on.',
    ['model'],
    BATCH_REQUESTS,
  );
  readonly workersLost = this.#counter(
    'workers_lost_total',
    'Inference workers that died and were replaced.',
    ['model'],
  );
  readonly runsOverdue = this.#counter(
    'runs_overdue_total',
    'Runs that took longer than runtime.maxRunSeconds, and were stopped or given up.',
    ['model'],
  );
  readonly modelUnreadable = this.#gauge(
    'model_unreadable',
    'Whether the files of a model cannot be read at present: 1 or 0. What was loaded before answers on.',
    ['model'],
  );
  readonly stateFailures = this.#counter(
    'state_failures_total',
    'Failures to read or write state that outlives a restart, by what: choice, evidence or audit.',
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
