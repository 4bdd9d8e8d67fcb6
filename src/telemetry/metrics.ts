import {
  type Aggregator,
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import { Durations, type Exemplar } from './durations.ts';
import { prefersOpenMetrics, toOpenMetrics } from './exposition.ts';

const BATCH_REQUESTS = [1, 2, 4, 8, 16, 32, 64, 128];
const ESTIMATE_SECONDS = [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1];

/** Gauges that are named as counters; each is the sum of another one. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/** When metrics of the process have values, those that do not always. */
const PRESENT_OF_PROCESS: Readonly<Record<string, string>> = {
  nodejs_active_requests: 'while there are any',
  nodejs_active_handles: 'while there are any',
  nodejs_active_resources: 'while there are any',
  nodejs_gc_duration_seconds: 'after the first collection',
};

let processRegistry: Registry | undefined;

/** A version of a model that answers. Most metrics are of one. */
export interface OfModel {
  readonly model: string;
  readonly version: string;
}

const OF_MODEL: ('model' | 'version')[] = ['model', 'version'];

/** After so long without an answer the counts of a version are forgotten: longer than the window of any rule that ends. */
const DEPARTED_MS = 3_600_000;

/** One for the whole process, since it has one log. */
export const logLinesDropped = new Counter({
  name: 'taustat_log_lines_dropped_total',
  help: 'Lines of the log that its destination did not take: a full disk, a closed pipe, or a slow reader.',
  registers: [],
});

/** Metrics of the process: memory, CPU, event loop and garbage collection. Created once, since their observers stay. */
function processMetrics(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry();
    processRegistry.registerMetric(logLinesDropped);
    collectDefaultMetrics({ register: processRegistry });
    for (const name of MISNAMED) processRegistry.removeSingleMetric(name);
  }
  return processRegistry;
}

/** All metrics of one process, to be added up with those of others. Plain data. */
export type MetricsOfProcess = readonly MetricObjectWithValues<MetricValue<string>>[];

/**
 * How the gauges of several processes become one. Most are means: the processes do alike, and get as many requests. Counters and
 * histograms are added up.
 */
const OVER_PROCESSES: Readonly<Record<string, Aggregator>> = {
  kept_input_bytes: 'sum',
  queue_requests: 'sum',
  waiting_requests: 'sum',
  state: 'max',
  model_ready: 'min',
  shared_store_up: 'min',
  model_unreadable: 'max',
  model_load_seconds: 'max',
  build_info: 'max',
  model_info: 'max',
  plan_info: 'max',
  replicas: 'max',
  replica_decides: 'max',
};

/** Whether values only grow, so that those of a process that has ended still count. */
function isCumulative({ type }: { readonly type: unknown }): boolean {
  return ['counter', 'histogram', 0, 2].includes(type as string | number);
}

/** What is left of a process that has ended. */
export function remainsOf(metrics: MetricsOfProcess): MetricsOfProcess {
  return metrics.filter(isCumulative);
}

/** The bounds over all clients. */
const BOUNDS = ['buffered_bytes', 'connections', 'event_streams'] as const;
export type Bound = (typeof BOUNDS)[number];

const ESTIMATOR_STEPS = ['binning', 'critical-point'] as const;

/** Every metric that taustat exports, in base units; `_ratio` is 0–1. One instance per server. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #processRegistry = processMetrics();
  readonly #gauges: { reset(): void }[] = [];
  readonly #cumulative: Forgetful[] = [];
  /** When a metric has values; those that always have are missing. */
  readonly #present = new Map<string, string>();
  /** When a version that has answered was first found gone, in milliseconds; undefined while it answers. */
  readonly #seen = new Map<string, number | undefined>();

  readonly requests = this.#counter(
    'requests_total',
    'Inference requests, by outcome: ok, or the code of the error in lower case.',
    [...OF_MODEL, 'outcome'],
  );
  readonly refused = this.#counter(
    'refused_total',
    'Requests (bound "buffered_bytes"), connections and event streams that were refused because the bound was reached.',
    ['bound'],
  );
  readonly requestDuration = this.#durations(
    'request_duration_seconds',
    'Time of a successful inference request, by phase: queue (waiting for a worker), infer (in the model), total (with the way to the worker and back).',
    [...OF_MODEL, 'phase'],
  );
  readonly phaseDuration = this.#durations(
    'phase_duration_seconds',
    'Time of a successful inference request in the server, in phases that add up: decode (of its body), dispatch (to the worker and back), queue (waiting for a worker), infer (in the model), encode (of the answer). Requests of the library have no decode and encode.',
    [...OF_MODEL, 'phase'],
  );
  readonly threshold = this.#gauge(
    'threshold',
    'Threshold of the largest pruned share of production; 0: every answer is dense.',
    [...OF_MODEL, 'site'],
  );
  readonly candidateThreshold = this.#gauge(
    'candidate_threshold',
    'Threshold that is in production or ramping up, else the one on trial.',
    OF_MODEL,
    'while there is a candidate',
  );
  readonly exposure = this.#gauge(
    'exposure_ratio',
    'Share of production that is answered at the candidate threshold; 0: every answer is dense.',
    OF_MODEL,
  );
  readonly answers = this.#counter(
    'answers_total',
    'Answers to clients, by the model that computed them: dense or pruned.',
    [...OF_MODEL, 'answer'],
  );
  readonly sparsity = this.#gauge(
    'sparsity_ratio',
    'Share of nonzero activations that pruning sets to zero, over all of production, dense answers included; site "all": over all sites.',
    [...OF_MODEL, 'site'],
  );
  readonly timeSaved = this.#gauge(
    'time_saved_ratio',
    'Share of the time of the plain model that pruning saves, over all of production; 0: every answer is dense. Measured on sampled requests; until there are enough, taken from the latest plan.',
    OF_MODEL,
    'unless gates prune whatever the time (`runtime.gates: mask`)',
  );
  readonly macsSkipped = this.#gauge(
    'macs_skipped_ratio',
    'Share of multiplications skipped because a factor is zero, in the layers that skip zeros, over the latest requests, dense answers included.',
    OF_MODEL,
  );
  readonly planInfo = this.#gauge(
    'plan_info',
    'Always 1. Result of the latest measurement whether pruning saves time: unmeasured, sparse, unprofitable or impossible.',
    [...OF_MODEL, 'plan'],
    'unless gates prune whatever the time (`runtime.gates: mask`)',
  );
  readonly zeroRatio = this.#gauge(
    'zero_activations_ratio',
    'Share of activations that are zero before any gate; site "all": over all sites.',
    [...OF_MODEL, 'site'],
    'once the window has filled, anew after each drift and fallback',
  );
  readonly criticalThreshold = this.#gauge(
    'critical_threshold',
    'Critical threshold of the renormalized free energy.',
    OF_MODEL,
    'while there is a critical point',
  );
  readonly criticalSparsity = this.#gauge(
    'critical_sparsity_ratio',
    'Sparsity at the critical threshold.',
    OF_MODEL,
    'while there is a critical point',
  );
  readonly freeEnergy = this.#gauge(
    'free_energy',
    'Free energy at the applied threshold, by kind: renormalized (from dense runs) or measured (in pruned runs).',
    [...OF_MODEL, 'kind'],
    'while there is a critical point, and a threshold is compared with dense',
  );
  readonly agreement = this.#gauge(
    'agreement_ratio',
    'Share of compared answers that agree with the dense model.',
    OF_MODEL,
    'once pruned answers were compared, anew after each drift and fallback',
  );
  readonly agreementLowerBound = this.#gauge(
    'agreement_lower_bound_ratio',
    'Lower end of the 95 % Wilson interval of the agreement ratio.',
    OF_MODEL,
    'once pruned answers were compared, anew after each drift and fallback',
  );
  readonly loss = this.#gauge(
    'loss_ratio',
    'Mean loss of compared answers against the dense model, by the measure of the objective.',
    OF_MODEL,
    'once pruned answers were compared, anew after each drift and fallback',
  );
  readonly allowedLoss = this.#gauge('allowed_loss_ratio', 'Mean loss that the objective allows.', OF_MODEL);
  readonly divergence = this.#gauge(
    'output_divergence',
    'Mean divergence of pruned from dense answers, by kind: kl (of the softmax, in nats) or cosine (1 - cosine).',
    [...OF_MODEL, 'kind'],
    'once pruned answers of this kind were compared, anew after each drift and fallback',
  );
  readonly driftDistance = this.#gauge(
    'drift_distance',
    'Largest shift over the sites of the level or spread of ln|a| from the reference, in standard deviations between requests.',
    OF_MODEL,
    'while there is a reference to compare the traffic with',
  );
  readonly driftLimit = this.#gauge(
    'drift_limit',
    'Drift distance above which traffic counts as drifted.',
    OF_MODEL,
    'while there is a reference to compare the traffic with',
  );
  readonly thresholdChanges = this.#counter(
    'threshold_changes_total',
    'Changes of the threshold of the largest pruned share of production, by reason.',
    [...OF_MODEL, 'reason'],
  );
  readonly state = this.#gauge('state', 'Controller state: 1 for the current state, 0 for the others.', [
    ...OF_MODEL,
    'state',
  ]);
  readonly shadowRuns = this.#counter(
    'shadow_runs_total',
    'Shadow runs of sampled requests, by outcome: ok, dropped (no idle time), over_budget (sampling.budget is used up) or failed.',
    [...OF_MODEL, 'outcome'],
  );
  readonly testResults = this.#counter(
    'test_results_total',
    'Tests of a candidate on a kept request, over all candidates of all searches.',
    OF_MODEL,
  );
  readonly keptInputs = this.#gauge(
    'kept_input_bytes',
    'Memory in bytes of the requests that are kept to test candidates on.',
    OF_MODEL,
  );
  readonly searchSeconds = this.#gauge(
    'search_seconds_left',
    'Seconds until the most promising candidate is likely to be proven.',
    OF_MODEL,
    'while a candidate is tested, and the time is known',
  );
  readonly comparedAnswers = this.#counter(
    'compared_answers_total',
    'Rows of pruned answers of production that were compared with dense ones, by outcome: agreed or disagreed.',
    [...OF_MODEL, 'outcome'],
  );
  readonly nonFiniteAnswers = this.#counter(
    'nonfinite_answers_total',
    'Pruned answers that held NaN or infinity, so that the dense answer was sent instead.',
    OF_MODEL,
  );
  readonly prunedMissing = this.#counter(
    'pruned_answers_missing_total',
    'Requests that were to be pruned and were answered dense, because the upstream server gave no pruned answer that can be trusted.',
    OF_MODEL,
    'with an upstream server',
  );
  readonly upstreamReady = this.#gauge(
    'upstream_ready',
    'Whether the upstream server says that the model is ready: 1 or 0.',
    OF_MODEL,
    'with an upstream server',
  );
  readonly upstreamTrusted = this.#gauge(
    'upstream_trusted',
    'Whether the instrumented model of the upstream server is used: 1, or 0 where it may not be the one that thresholds were proven for.',
    OF_MODEL,
    'with an upstream server',
  );
  readonly activationsSampled = this.#counter(
    'activations_sampled_total',
    'Activations that the estimator has counted.',
    OF_MODEL,
  );
  readonly activationsNonFinite = this.#counter(
    'activations_nonfinite_total',
    'Activations that the estimator left out because they were NaN or infinite.',
    OF_MODEL,
  );
  readonly estimatorDuration = this.#histogram(
    'estimator_duration_seconds',
    'Time of the estimator, by step.',
    ['step'],
    ESTIMATE_SECONDS,
  );
  readonly buildInfo = this.#gauge('build_info', 'Always 1. Versions of taustat and of Node.', [
    'version',
    'node',
  ]);
  readonly modelInfo = this.#gauge(
    'model_info',
    'Always 1. A version of a model that answers, the first digits of the hash of its file, and the kernels that it runs with, or "none".',
    ['model', 'version', 'sha256', 'kernels'],
  );
  readonly modelLoad = this.#gauge(
    'model_load_seconds',
    'Time that it took to open the model, until it could answer.',
    OF_MODEL,
  );
  readonly modelReady = this.#gauge(
    'model_ready',
    'Whether the model answers: 1 or 0; absent for a model that was unloaded.',
    ['model'],
  );
  readonly sharedStoreUp = this.#gauge(
    'shared_store_up',
    'Whether the store that replicas share answers: 1 or 0.',
    OF_MODEL,
    'with a shared store',
  );
  readonly replicas = this.#gauge(
    'replicas',
    'Replicas that learn together, this one included.',
    OF_MODEL,
    'with a shared store',
  );
  readonly replicaDecides = this.#gauge(
    'replica_decides',
    'Whether this replica decides for all: 1 or 0.',
    OF_MODEL,
    'with a shared store',
  );
  readonly queue = this.#gauge('queue_requests', 'Requests that wait or run now.', OF_MODEL);
  readonly waiting = this.#gauge(
    'waiting_requests',
    'Requests that wait now until a worker is free: more instances are needed where there are always some.',
    OF_MODEL,
  );
  readonly batchRequests = this.#histogram(
    'batch_requests',
    'Number of requests per run of the model.',
    OF_MODEL,
    BATCH_REQUESTS,
    'with dynamic batching',
  );
  readonly workersLost = this.#counter(
    'workers_lost_total',
    'Inference workers that died and were replaced.',
    OF_MODEL,
  );
  readonly runsOverdue = this.#counter(
    'runs_overdue_total',
    'Runs that took longer than runtime.maxRunSeconds, and were stopped or abandoned with their worker.',
    OF_MODEL,
  );
  readonly modelUnreadable = this.#gauge(
    'model_unreadable',
    'Whether the files of a model cannot be read now: 1 or 0. The loaded model goes on answering.',
    ['model'],
  );
  readonly stateFailures = this.#counter(
    'state_failures_total',
    'Failures to read or write stored state, by what: choice, evidence or audit.',
    [...OF_MODEL, 'what'],
    'where state is kept',
  );

  /** What is not of a model counts from 0. */
  constructor() {
    for (const bound of BOUNDS) this.refused.inc({ bound }, 0);
    for (const step of ESTIMATOR_STEPS) this.estimatorDuration.zero({ step });
  }

  /**
   * Removes the values of all gauges, which are set anew at each scrape: none stays of unloaded models or of former sites.
   */
  resetGauges(): void {
    for (const gauge of this.#gauges) gauge.reset();
  }

  /**
   * Forgets the counts of versions that have not answered for an hour: a server that is given a new version every day must not
   * export more every day.
   *
   * @param answering - the versions that answer now.
   * @param nowMs - a clock in milliseconds.
   */
  async forgetDeparted(answering: readonly OfModel[], nowMs = performance.now()): Promise<void> {
    const now = new Set(answering.map(keyOf));
    for (const key of this.#seen.keys()) if (!now.has(key)) this.#seen.set(key, this.#seen.get(key) ?? nowMs);
    for (const key of now) this.#seen.set(key, undefined);
    const gone = new Set(
      [...this.#seen].flatMap(([key, at]) => (nowMs - (at ?? nowMs) > DEPARTED_MS ? [key] : [])),
    );
    if (gone.size === 0) return;
    for (const key of gone) this.#seen.delete(key);
    await Promise.all(this.#cumulative.map((metric) => metric.forget(gone)));
  }

  /** The exposition in the format that the Accept header prefers, with the metrics of the process. */
  async expose(accept: string | undefined): Promise<{ contentType: string; body: string }> {
    return exposed(await this.#all.metrics(), accept, this.requestDuration.exemplars());
  }

  /** The same as data, for another process to add up. */
  async collect(): Promise<MetricsOfProcess> {
    return this.#all.getMetricsAsJSON();
  }

  get #all(): Registry {
    return Registry.merge([this.#registry, this.#processRegistry]);
  }

  /** Every metric: what `/metrics` says of it, and when it has values. */
  get families(): readonly MetricFamily[] {
    return this.#all.getMetricsAsArray().map((metric) => {
      const { name, help, labelNames } = metric as unknown as DeclaredMetric;
      const present = this.#present.get(name) ?? PRESENT_OF_PROCESS[name] ?? 'always';
      return { name, type: typeOf(metric), labels: labelNames, help, present };
    });
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[], present?: string): Counter<L> {
    this.#note(name, present);
    return this.#counted(
      new Counter({ name: `taustat_${name}`, help, labelNames, registers: [this.#registry] }),
    );
  }

  #note(name: string, present: string | undefined): void {
    if (present !== undefined) this.#present.set(`taustat_${name}`, present);
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[], present?: string): Gauge<L> {
    this.#note(name, present);
    const aggregator = OVER_PROCESSES[name] ?? 'average';
    const registers = [this.#registry];
    const gauge = new Gauge({ name: `taustat_${name}`, help, labelNames, aggregator, registers });
    this.#gauges.push(gauge);
    return gauge;
  }

  #durations<L extends string>(name: string, help: string, labelNames: L[]): Durations<L> {
    const durations = new Durations(`taustat_${name}`, help, labelNames);
    this.#registry.registerMetric(durations.asMetric);
    this.#cumulative.push({ forget: async (gone) => durations.remove((labels) => gone.has(keyOf(labels))) });
    return durations;
  }

  #histogram<L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    buckets: number[],
    present?: string,
  ): Histogram<L> {
    this.#note(name, present);
    const registers = [this.#registry];
    return this.#counted(new Histogram({ name: `taustat_${name}`, help, labelNames, buckets, registers }));
  }

  #counted<M extends Counter<string> | Histogram<string>>(metric: M): M {
    this.#cumulative.push({
      forget: async (gone) => {
        for (const { labels } of (await metric.get()).values) {
          // Buckets of one histogram differ in `le`, which is no label of its own.
          const { le: _, ...own } = labels as Record<string, string>;
          if (gone.has(keyOf(own))) metric.remove(own);
        }
      },
    });
    return metric;
  }
}

/** A metric as the documentation tells of it. */
export interface MetricFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** When it has values: always, or since when. */
  readonly present: string;
}

interface DeclaredMetric {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

function typeOf(metric: unknown): MetricFamily['type'] {
  if (metric instanceof Counter) return 'counter';
  return metric instanceof Gauge ? 'gauge' : 'histogram';
}

/** What counts, and can forget the counts of versions. */
interface Forgetful {
  forget(versions: ReadonlySet<string>): Promise<void>;
}

function keyOf({ model, version }: Partial<OfModel>): string {
  return JSON.stringify([model, version]);
}

/** Metrics of several processes as those of one. */
export async function addedUp(processes: readonly MetricsOfProcess[]): Promise<MetricsOfProcess> {
  return AggregatorRegistry.aggregate(processes.map((metrics) => [...metrics])).getMetricsAsJSON();
}

/** The exposition of several processes as if they were one. */
export async function exposeTogether(
  processes: readonly MetricsOfProcess[],
  accept: string | undefined,
): Promise<{ contentType: string; body: string }> {
  const together = AggregatorRegistry.aggregate(processes.map((metrics) => [...metrics]));
  return exposed(await together.metrics(), accept);
}

function exposed(
  text: string,
  accept: string | undefined,
  exemplars?: ReadonlyMap<string, Exemplar>,
): { contentType: string; body: string } {
  return prefersOpenMetrics(accept)
    ? { contentType: Registry.OPENMETRICS_CONTENT_TYPE, body: toOpenMetrics(text, exemplars) }
    : { contentType: Registry.PROMETHEUS_CONTENT_TYPE, body: text };
}
