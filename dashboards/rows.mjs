/**
 * The panels of the dashboard, row by row. A query that may have no values says when.
 *
 * @import { Row, Values } from './panel.mjs'
 */

/** Which servers are asked. Series of a target that has no namespace and no pod are among "all". */
export const SERVER = 'namespace=~"$namespace", pod=~"$pod", instance=~"$instance"';
/** Which versions of a model on which servers. */
export const MODEL = `model="$model", version=~"$version", ${SERVER}`;

/** Median and tails of one phase of the requests. @param {string} family @param {string} phase @returns {{ expr: string, legend: string }[]} */
function quantiles(family, phase) {
  return [0.5, 0.95, 0.99].map((q) => ({
    expr: `histogram_quantile(${q}, sum by (le) (rate(${family}_bucket{${MODEL}, phase="${phase}"}[$__rate_interval])))`,
    legend: `p${100 * q}`,
  }));
}

/** The states by the number that stands for them in a panel, with their colours. */
const STATE_COLORS = {
  off: 'text',
  observe: 'blue',
  fixed: 'purple',
  warming: 'super-light-yellow',
  featureless: 'semi-dark-blue',
  trial: 'yellow',
  tracking: 'green',
  drifted: 'orange',
  fallback: 'red',
  unverified: 'dark-orange',
  unprofitable: 'semi-dark-purple',
};

/** @type {Values} */
const STATES = Object.fromEntries(
  Object.entries(STATE_COLORS).map(([text, color], index) => [String(index), { text, color, index }]),
);

const STATE_NUMBER = `max by (instance) (
  ${Object.keys(STATE_COLORS)
    .map((state, i) => `(taustat_state{${MODEL}, state="${state}"} == 1) * ${i}`)
    .join('\n  or ')}
)`;

/** @type {Values} */
const ALERT_STATES = {
  1: { text: 'pending', color: 'orange', index: 0 },
  2: { text: 'firing', color: 'red', index: 1 },
};

const ALERTS = `alertname=~"Taustat.*", ${SERVER}`;

/** @type {Values} */
const EXPOSURES = {
  0: { text: 'dense', color: 'text', index: 0 },
  0.01: { text: '1 %', color: 'light-green', index: 1 },
  0.05: { text: '5 %', color: 'semi-dark-green', index: 2 },
  0.25: { text: '25 %', color: 'green', index: 3 },
  1: { text: '100 %', color: 'dark-green', index: 4 },
};

/** @type {readonly Row[]} */
export const ROWS = [
  {
    title: 'At a glance',
    panels: [
      {
        type: 'stat',
        title: 'State',
        description:
          'What the controller is doing, per instance. Answers are pruned in tracking (in part, while a candidate is on trial or on its ramp) and fixed, dense in every other state.',
        size: [3, 4],
        unit: 'none',
        values: STATES,
        queries: [{ expr: STATE_NUMBER, legend: '{{instance}}' }],
      },
      {
        type: 'stat',
        title: 'Mean loss, of the allowed',
        description:
          'Mean loss of pruned answers by the measure of the objective, as a share of what the objective allows, on the worst instance. Above 100 % the objective is broken, where all of production is pruned.',
        size: [3, 4],
        unit: 'percentunit',
        decimals: 1,
        colors: [
          ['green', null],
          ['orange', 0.8],
          ['red', 1],
        ],
        queries: [
          {
            expr: `max(taustat_loss_ratio{${MODEL}} / taustat_allowed_loss_ratio{${MODEL}} and taustat_exposure_ratio{${MODEL}} > 0)`,
            legend: 'mean loss',
            emptyWhen: 'while every answer is dense',
          },
        ],
      },
      {
        type: 'stat',
        title: 'Exposure',
        description:
          'Share of production that is answered at the candidate: 0, 1, 5, 25 or 100 %. Of several instances, that of the one that is furthest.',
        size: [3, 4],
        unit: 'percentunit',
        decimals: 0,
        colors: [
          ['text', null],
          ['green', 0.01],
        ],
        queries: [{ expr: `max(taustat_exposure_ratio{${MODEL}})`, legend: 'exposure' }],
      },
      {
        type: 'stat',
        title: 'Threshold τ',
        description:
          'Activations below this magnitude are zeroed; 0 is dense. The median over the instances, each of which finds its own.',
        size: [3, 4],
        unit: 'short',
        decimals: 3,
        colors: [['text', null]],
        queries: [{ expr: `quantile(0.5, max without (site) (taustat_threshold{${MODEL}}))`, legend: 'τ' }],
      },
      {
        type: 'stat',
        title: 'Sparsity of production',
        description:
          'Share of the nonzero activations that the gates zeroed, over all sites and all of production, dense answers included. The mean over the instances.',
        size: [3, 4],
        unit: 'percentunit',
        decimals: 1,
        colors: [
          ['text', null],
          ['green', 0.01],
        ],
        queries: [{ expr: `avg(taustat_sparsity_ratio{${MODEL}, site="all"})`, legend: 'sparsity' }],
      },
      {
        type: 'stat',
        title: 'Drift, of its limit',
        description:
          'Distance of the traffic from the reference as a share of the limit; the largest of the instances. From 100 % on the traffic counts as drifted.',
        size: [3, 4],
        unit: 'percentunit',
        decimals: 0,
        colors: [
          ['green', null],
          ['orange', 0.8],
          ['red', 1],
        ],
        queries: [
          {
            expr: `max(taustat_drift_distance{${MODEL}} / taustat_drift_limit{${MODEL}})`,
            legend: 'drift',
            emptyWhen: 'while there is no reference to compare the traffic with',
          },
        ],
      },
      {
        type: 'stat',
        title: 'Requests',
        description: 'Inference requests per second, whatever their outcome.',
        size: [2, 4],
        unit: 'reqps',
        decimals: 1,
        colors: [['text', null]],
        queries: [
          { expr: `sum(rate(taustat_requests_total{${MODEL}}[$__rate_interval]))`, legend: 'requests' },
        ],
      },
      {
        type: 'stat',
        title: 'Server errors',
        description:
          "Share of the requests that failed by the server's fault: overloaded, unavailable, worker lost, deadline exceeded, inference failed, internal. Requests refused as invalid are not among them.",
        size: [2, 4],
        unit: 'percentunit',
        decimals: 2,
        colors: [
          ['green', null],
          ['orange', 0.001],
          ['red', 0.01],
        ],
        queries: [
          {
            expr: `(sum(rate(taustat_requests_total{${MODEL}, outcome=~"overloaded|unavailable|worker_lost|deadline_exceeded|inference_failed|internal"}[$__rate_interval])) or vector(0)) / sum(rate(taustat_requests_total{${MODEL}}[$__rate_interval]))`,
            legend: 'errors',
          },
        ],
      },
      {
        type: 'stat',
        title: 'Latency p99',
        description: '99th percentile of the whole time of a request in the server.',
        size: [2, 4],
        unit: 's',
        decimals: 1,
        colors: [['text', null]],
        queries: [
          {
            expr: `histogram_quantile(0.99, sum by (le) (rate(taustat_request_duration_seconds_bucket{${MODEL}, phase="total"}[$__rate_interval])))`,
            legend: 'p99',
          },
        ],
      },
      {
        type: 'state-timeline',
        title: 'State',
        description:
          "The controller's state over time, a band per instance: warming fills the window, trial compares a candidate on shadow traffic, tracking applies it to as much of production as the evidence allows, drifted, fallback and unverified answer dense until it is safe again.",
        size: [24, 5],
        unit: 'none',
        values: STATES,
        queries: [{ expr: STATE_NUMBER, legend: '{{instance}}' }],
      },
      {
        type: 'state-timeline',
        title: 'Exposure',
        description:
          'Share of production that is answered at the candidate, over time: dense, 1, 5, 25 or 100 %. What the rest runs at is the threshold below, or dense.',
        size: [24, 4],
        unit: 'percentunit',
        values: EXPOSURES,
        queries: [{ expr: `max by (instance) (taustat_exposure_ratio{${MODEL}})`, legend: '{{instance}}' }],
      },
      {
        type: 'state-timeline',
        title: 'Alerts over time',
        description:
          'Alerts of taustat on these servers that were pending or fired, as Prometheus evaluated them, of all models. The list of alerts leads to their runbooks.',
        size: [24, 5],
        unit: 'none',
        values: ALERT_STATES,
        queries: [
          {
            expr: `max by (alertname) (ALERTS{alertstate="pending", ${ALERTS}} or ALERTS{alertstate="firing", ${ALERTS}} * 2)`,
            legend: '{{alertname}}',
            emptyWhen: 'while no alert is pending or fires, or where another Prometheus evaluates the rules',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Mean loss against what is allowed',
        description:
          'Mean loss of the latest pruned answers that were compared with the dense model, by the measure of the objective, and what the objective allows. While exposure is small, production loses that share of it.',
        size: [12, 8],
        unit: 'percentunit',
        calcs: ['lastNotNull', 'max'],
        queries: [
          {
            expr: `taustat_loss_ratio{${MODEL}}`,
            legend: 'mean loss {{instance}}',
            emptyWhen: 'until pruned answers were compared, anew after each drift and fallback',
          },
          { expr: `max(taustat_allowed_loss_ratio{${MODEL}})`, legend: 'allowed' },
        ],
        styles: [{ series: 'allowed', dashed: true, color: 'red', width: 2 }],
      },
      {
        type: 'timeseries',
        title: 'Answers, dense and pruned',
        description:
          'Answers per second by what they were computed at, as clients were told in parameters.threshold; dense answers on demand are among the dense ones.',
        size: [12, 8],
        unit: 'reqps',
        stacked: true,
        fill: 40,
        calcs: ['mean', 'max'],
        queries: [
          {
            expr: `sum by (answer) (rate(taustat_answers_total{${MODEL}}[$__rate_interval]))`,
            legend: '{{answer}} answers',
          },
          {
            expr: `sum(rate(taustat_nonfinite_answers_total{${MODEL}}[$__rate_interval]))`,
            legend: 'not finite, answered dense',
          },
        ],
      },
    ],
  },
  {
    title: 'The threshold, and what it brings',
    panels: [
      {
        type: 'timeseries',
        title: 'Applied and critical threshold',
        description:
          'τ is what production is pruned at, 0 when dense; τ* is the critical point of the renormalized free energy, absent when there is none. τ below τ* is a rung of the ladder that agreement asked for.',
        size: [12, 8],
        unit: 'short',
        stepped: true,
        calcs: ['lastNotNull', 'max'],
        queries: [
          { expr: `max without (site) (taustat_threshold{${MODEL}})`, legend: 'τ {{instance}}' },
          {
            expr: `taustat_critical_threshold{${MODEL}}`,
            legend: 'τ* {{instance}}',
            emptyWhen: 'while there is no critical point',
          },
          {
            expr: `taustat_candidate_threshold{${MODEL}}`,
            legend: 'candidate {{instance}}',
            emptyWhen: 'while there is no candidate',
          },
        ],
        styles: [{ series: 'τ\\* .*', isRegexp: true, dashed: true }],
      },
      {
        type: 'timeseries',
        title: 'Sparsity of production by site',
        description:
          'Share of the nonzero activations that each gate zeroed, over all of production, dense answers included; β* is the sparsity that the critical point promises over all sites where all of production is pruned. Means over the instances.',
        size: [12, 8],
        unit: 'percentunit',
        calcs: ['lastNotNull', 'max'],
        queries: [
          { expr: `avg by (site) (taustat_sparsity_ratio{${MODEL}, site!="all"})`, legend: '{{site}}' },
          { expr: `avg(taustat_sparsity_ratio{${MODEL}, site="all"})`, legend: 'all sites' },
          {
            expr: `avg(taustat_critical_sparsity_ratio{${MODEL}})`,
            legend: 'β*',
            emptyWhen: 'while there is no critical point',
          },
        ],
        styles: [
          { series: 'all sites', color: 'text', width: 3 },
          { series: 'β*', dashed: true, color: 'text' },
        ],
      },
      {
        type: 'timeseries',
        title: 'Threshold changes since the start',
        description:
          'Changes of the applied threshold by reason, counted from the start of each instance. Steep steps mean that the traffic alternates, or that drift.runLength is too short for it.',
        size: [12, 8],
        unit: 'short',
        decimals: 0,
        stacked: true,
        fill: 25,
        stepped: true,
        calcs: ['lastNotNull', 'max'],
        queries: [
          {
            expr: `sum by (reason) (taustat_threshold_changes_total{${MODEL}}) > 0`,
            legend: '{{reason}}',
            emptyWhen: 'until the threshold changes for the first time',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Exact zeros by site',
        description:
          'Share of the activations that are zero before any gate, as ReLU leaves them. What hardware could skip is this share and, of the rest, the sparsity.',
        size: [12, 8],
        unit: 'percentunit',
        max: 1,
        calcs: ['lastNotNull', 'max'],
        queries: [
          {
            expr: `avg by (site) (taustat_zero_activations_ratio{${MODEL}, site!="all"})`,
            legend: '{{site}}',
            emptyWhen: 'until the window has filled, anew after each drift and fallback',
          },
          {
            expr: `avg(taustat_zero_activations_ratio{${MODEL}, site="all"})`,
            legend: 'all sites',
            emptyWhen: 'until the window has filled, anew after each drift and fallback',
          },
        ],
        styles: [{ series: 'all sites', color: 'text', width: 3 }],
      },
      {
        type: 'timeseries',
        title: 'Time saved and work left out',
        description:
          'Share of the time of the plain model that pruning saves over all of production, as sampled requests were timed both ways (0 where production is dense); and the share of multiplications that are left out since a factor is zero, in the layers that skip zeros.',
        size: [12, 8],
        unit: 'percentunit',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `taustat_time_saved_ratio{${MODEL}}`,
            legend: '{{instance}} time saved',
            emptyWhen: 'while gates prune whatever the time (runtime.gates: mask)',
          },
          { expr: `taustat_macs_skipped_ratio{${MODEL}}`, legend: '{{instance}} work left out' },
        ],
      },
      {
        type: 'timeseries',
        title: 'What pruning is worth',
        description: 'What the latest measurement of the time that pruning saves has led to.',
        size: [12, 8],
        unit: 'none',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `max by (instance, plan) (taustat_plan_info{${MODEL}})`,
            legend: '{{instance}} {{plan}}',
            emptyWhen: 'where gates prune whatever the time (runtime.gates: mask)',
          },
        ],
      },
    ],
  },
  {
    title: 'The proof',
    panels: [
      {
        type: 'timeseries',
        title: 'Same class as the dense model (top-1)',
        description:
          'Share of the latest compared answers that have the class of the dense model, or lie within the tolerance, and the lower end of its 95 % interval. The objective is about the mean loss, above. It starts afresh with every threshold.',
        size: [12, 8],
        unit: 'percentunit',
        max: 1,
        min: null,
        calcs: ['lastNotNull', 'min'],
        queries: [
          {
            expr: `taustat_agreement_ratio{${MODEL}}`,
            legend: 'agreement {{instance}}',
            emptyWhen: 'until pruned answers were compared, anew after each drift and fallback',
          },
          {
            expr: `taustat_agreement_lower_bound_ratio{${MODEL}}`,
            legend: 'lower bound {{instance}}',
            emptyWhen: 'until pruned answers were compared, anew after each drift and fallback',
          },
        ],
        styles: [
          { series: 'lower bound .*', isRegexp: true, dashed: true },
          { series: 'floor', dashed: true, color: 'red', width: 2 },
        ],
      },
      {
        type: 'timeseries',
        title: 'Drift distance and limit',
        description:
          'Shift of the level or the spread of ln|a| from the reference, largest over the sites, in standard deviations between requests; above the limit the traffic counts as drifted and answers turn dense.',
        size: [12, 8],
        unit: 'short',
        decimals: 3,
        calcs: ['lastNotNull', 'max'],
        queries: [
          {
            expr: `taustat_drift_distance{${MODEL}}`,
            legend: 'distance {{instance}}',
            emptyWhen: 'while there is no reference to compare the traffic with',
          },
          {
            expr: `taustat_drift_limit{${MODEL}}`,
            legend: 'limit {{instance}}',
            emptyWhen: 'while there is no reference to compare the traffic with',
          },
        ],
        styles: [{ series: 'limit .*', isRegexp: true, dashed: true, color: 'red' }],
      },
      {
        type: 'timeseries',
        title: 'Pruned answers that disagreed',
        description:
          'Of the pruned answers that clients got and that were compared with the dense model, the share that disagreed; all instances together. The allowed loss is beside it; with the objective margin a disagreement loses less than one.',
        size: [12, 8],
        unit: 'percentunit',
        calcs: ['lastNotNull', 'max'],
        queries: [
          {
            expr: `(sum(rate(taustat_compared_answers_total{${MODEL}, outcome="disagreed"}[$__rate_interval])) or vector(0)) / (sum(rate(taustat_compared_answers_total{${MODEL}}[$__rate_interval])) > 0)`,
            legend: 'disagreed',
            emptyWhen: 'while no pruned answer of production is compared',
          },
          { expr: `max(taustat_allowed_loss_ratio{${MODEL}})`, legend: 'allowed loss' },
        ],
        styles: [{ series: 'allowed', dashed: true, color: 'red', width: 2 }],
      },
      {
        type: 'timeseries',
        title: 'Output divergence',
        description:
          'Mean distance of pruned from dense answers: KL divergence of the softmax in nats, and 1 − cosine. It moves long before top-1 agreement does.',
        size: [6, 8],
        unit: 'short',
        decimals: 5,
        calcs: ['lastNotNull', 'max'],
        queries: [
          {
            expr: `max by (kind) (taustat_output_divergence{${MODEL}})`,
            legend: '{{kind}}',
            emptyWhen: 'until pruned answers were compared, anew after each drift and fallback',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Free energy at the threshold',
        description:
          'F from the unpruned activations (renormalized) and from pruned runs of live requests (measured). A gap that stays is how far renormalization is off; a gap that grows says not to trust it.',
        size: [6, 8],
        unit: 'short',
        decimals: 3,
        min: null,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `taustat_free_energy{${MODEL}}`,
            legend: '{{kind}} {{instance}}',
            emptyWhen: 'while there is no critical point, or no threshold is compared',
          },
        ],
        styles: [{ series: 'measured .*', isRegexp: true, dashed: true }],
      },
    ],
  },
  {
    title: 'Traffic',
    panels: [
      {
        type: 'timeseries',
        title: 'Latency: the whole request',
        description: 'From the parsed request to the answer, in the server.',
        size: [8, 8],
        unit: 's',
        calcs: ['mean', 'max'],
        queries: quantiles('taustat_request_duration_seconds', 'total'),
      },
      {
        type: 'timeseries',
        title: 'Latency: in the model',
        description: 'Time of the run in a worker, without waiting for one.',
        size: [8, 8],
        unit: 's',
        calcs: ['mean', 'max'],
        queries: quantiles('taustat_request_duration_seconds', 'infer'),
      },
      {
        type: 'timeseries',
        title: 'Latency: waiting for a worker',
        description:
          "Time in the queue. Production goes before shadow runs, so what is seen here is production's own load.",
        size: [8, 8],
        unit: 's',
        calcs: ['mean', 'max'],
        queries: quantiles('taustat_request_duration_seconds', 'queue'),
      },
      {
        type: 'timeseries',
        title: 'Where a request spends its time',
        description:
          'Mean time of an answered request in each phase, stacked: decoding, waiting, the model, the way to the worker and back, encoding.',
        size: [8, 8],
        unit: 's',
        stacked: true,
        fill: 40,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `sum by (phase) (rate(taustat_phase_duration_seconds_sum{${MODEL}}[$__rate_interval])) / (sum by (phase) (rate(taustat_phase_duration_seconds_count{${MODEL}}[$__rate_interval])) > 0)`,
            legend: '{{phase}}',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Phases of a request, p99',
        description:
          'Time that 99 of 100 answered requests stay below in each phase: decoding, waiting, the model, the way to the worker and back, encoding.',
        size: [8, 8],
        unit: 's',
        fill: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `histogram_quantile(0.99, sum by (phase, le) (rate(taustat_phase_duration_seconds_bucket{${MODEL}}[$__rate_interval])))`,
            legend: '{{phase}}',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Refused at a bound of the server',
        description:
          'Requests, connections and event streams that were refused because all clients together reached a bound: server.maxBufferedBytes, server.maxConnections, server.maxEventStreams.',
        size: [8, 8],
        unit: 'short',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `sum by (bound) (increase(taustat_refused_total{${SERVER}}[$__rate_interval]))`,
            legend: '{{bound}}',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Requests by outcome',
        description: 'Inference requests per second: ok, or the code of the error that the client was told.',
        size: [6, 8],
        unit: 'reqps',
        stacked: true,
        fill: 25,
        calcs: ['mean', 'max'],
        queries: [
          {
            expr: `sum by (outcome) (rate(taustat_requests_total{${MODEL}}[$__rate_interval]))`,
            legend: '{{outcome}}',
          },
        ],
        styles: [
          { series: 'ok', color: 'green' },
          { series: 'invalid_request', color: 'blue' },
          {
            series: '/^(overloaded|unavailable|worker_lost|deadline_exceeded|inference_failed|internal)$/',
            isRegexp: true,
            color: 'red',
            shades: true,
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Time in the model, pruned and dense',
        description:
          'Mean time of a run while the threshold was above 0, and while it was 0. Gates cost time where kernels do not skip zeros; batches that grow look the same as pruning that slows down.',
        size: [6, 8],
        unit: 's',
        calcs: ['mean', 'lastNotNull'],
        queries: [
          {
            expr: `avg(
  sum without (phase) (rate(taustat_request_duration_seconds_sum{${MODEL}, phase="infer"}[$__rate_interval]))
  / (sum without (phase) (rate(taustat_request_duration_seconds_count{${MODEL}, phase="infer"}[$__rate_interval])) > 0)
  and (min_over_time(taustat_exposure_ratio{${MODEL}}[$__rate_interval]) == 1)
)`,
            legend: 'pruned',
            emptyWhen: 'while any answer is dense',
          },
          {
            expr: `avg(
  sum without (phase) (rate(taustat_request_duration_seconds_sum{${MODEL}, phase="infer"}[$__rate_interval]))
  / (sum without (phase) (rate(taustat_request_duration_seconds_count{${MODEL}, phase="infer"}[$__rate_interval])) > 0)
  and (max_over_time(taustat_exposure_ratio{${MODEL}}[$__rate_interval]) == 0)
)`,
            legend: 'dense',
            emptyWhen: 'while any answer is pruned',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Requests under way',
        description:
          'Requests that wait or run, at the time of the scrape. At runtime.maxQueue new ones are answered 503.',
        size: [6, 8],
        unit: 'short',
        decimals: 0,
        calcs: ['mean', 'max'],
        queries: [
          { expr: `taustat_queue_requests{${MODEL}}`, legend: '{{instance}}' },
          { expr: `taustat_waiting_requests{${MODEL}}`, legend: 'waiting {{instance}}' },
        ],
      },
      {
        type: 'timeseries',
        title: 'Requests per run',
        description:
          'Requests that share one run of the model. Empty unless batching.maxBatch is above 1; one where nothing waits.',
        size: [6, 8],
        unit: 'short',
        calcs: ['mean', 'max'],
        queries: [
          {
            expr: `sum(rate(taustat_batch_requests_sum{${MODEL}}[$__rate_interval])) / (sum(rate(taustat_batch_requests_count{${MODEL}}[$__rate_interval])) > 0)`,
            legend: 'mean',
          },
          {
            expr: `histogram_quantile(0.95, sum by (le) (rate(taustat_batch_requests_bucket{${MODEL}}[$__rate_interval])))`,
            legend: 'p95',
          },
        ],
      },
    ],
  },
  {
    title: 'Sampling and the estimator',
    panels: [
      {
        type: 'timeseries',
        title: 'Shadow runs by outcome',
        description:
          'Sampled requests per second that ran again in the shadow, were dropped (no idle time: production goes first), were over the budget, or failed.',
        size: [8, 8],
        unit: 'reqps',
        stacked: true,
        fill: 25,
        calcs: ['mean', 'max'],
        queries: [
          {
            expr: `sum by (outcome) (rate(taustat_shadow_runs_total{${MODEL}}[$__rate_interval]))`,
            legend: '{{outcome}}',
          },
        ],
        styles: [
          { series: 'ok', color: 'green' },
          { series: 'dropped', color: 'orange' },
          { series: 'over_budget', color: 'text' },
          { series: 'failed', color: 'red' },
        ],
      },
      {
        type: 'timeseries',
        title: 'Activations sampled',
        description:
          'Activations per second that the estimator took in, and those that it left out because they were NaN or infinite.',
        size: [8, 8],
        unit: 'short',
        calcs: ['mean', 'max'],
        queries: [
          {
            expr: `sum(rate(taustat_activations_sampled_total{${MODEL}}[$__rate_interval]))`,
            legend: 'sampled',
          },
          {
            expr: `sum(rate(taustat_activations_nonfinite_total{${MODEL}}[$__rate_interval]))`,
            legend: 'NaN or infinite',
          },
        ],
        styles: [{ series: 'NaN or infinite', color: 'red' }],
      },
      {
        type: 'timeseries',
        title: 'Estimator time by step',
        description:
          "p50 and p99 of the estimator's steps: binning the activations of one request (in a worker), and reading the critical point from a full window (on the thread that speaks HTTP).",
        size: [8, 8],
        unit: 's',
        calcs: ['mean', 'max'],
        queries: [
          {
            expr: `histogram_quantile(0.5, sum by (step, le) (rate(taustat_estimator_duration_seconds_bucket{${SERVER}}[$__rate_interval])))`,
            legend: '{{step}} p50',
          },
          {
            expr: `histogram_quantile(0.99, sum by (step, le) (rate(taustat_estimator_duration_seconds_bucket{${SERVER}}[$__rate_interval])))`,
            legend: '{{step}} p99',
          },
        ],
        styles: [{ series: '.* p50', isRegexp: true, dashed: true }],
      },
      {
        type: 'timeseries',
        title: 'Time left in the search',
        description:
          'Until the most promising candidate is likely to be proven, at the present pace. Nothing is shown where no candidate is tested, or nobody can tell.',
        size: [8, 8],
        unit: 's',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `taustat_search_seconds_left{${MODEL}}`,
            legend: '{{instance}}',
            emptyWhen: 'while no candidate is tested, or nobody can tell',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Candidates judged on kept requests',
        description:
          'Kept requests that candidates were judged on per second, summed over the candidates: what a search makes of idle time.',
        size: [8, 8],
        unit: 'cps',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `sum by (instance) (rate(taustat_test_results_total{${MODEL}}[$__rate_interval]))`,
            legend: '{{instance}}',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Memory of kept requests',
        description:
          'Bytes of the requests that are kept in memory to judge candidates on (at most sampling.keepInputsBytes).',
        size: [8, 8],
        unit: 'bytes',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [{ expr: `taustat_kept_input_bytes{${MODEL}}`, legend: '{{instance}}' }],
      },
    ],
  },
  {
    title: 'The process',
    panels: [
      {
        type: 'timeseries',
        title: 'Event loop lag',
        description:
          'How late the thread that speaks HTTP woke up, between two scrapes. It is sampled by a 10 ms timer whose own period is included: 10 ms is an idle thread.',
        size: [6, 8],
        unit: 's',
        showsLimits: true,
        calcs: ['lastNotNull', 'max'],
        colors: [
          ['green', null],
          ['red', 0.1],
        ],
        queries: [
          { expr: `nodejs_eventloop_lag_p99_seconds{${SERVER}}`, legend: 'p99 {{instance}}' },
          { expr: `nodejs_eventloop_lag_p50_seconds{${SERVER}}`, legend: 'p50 {{instance}}' },
        ],
        styles: [{ series: 'p50 .*', isRegexp: true, dashed: true }],
      },
      {
        type: 'timeseries',
        title: 'Memory',
        description:
          'Resident memory of the process with all its workers, and the JavaScript heap of the main thread. The models live in the first.',
        size: [6, 8],
        unit: 'bytes',
        calcs: ['lastNotNull', 'max'],
        queries: [
          { expr: `process_resident_memory_bytes{${SERVER}}`, legend: 'resident {{instance}}' },
          { expr: `nodejs_heap_size_used_bytes{${SERVER}}`, legend: 'heap {{instance}}' },
        ],
        styles: [{ series: 'heap .*', isRegexp: true, dashed: true }],
      },
      {
        type: 'timeseries',
        title: 'CPU',
        description: 'Cores in use, workers included. At runtime.workers + 1 the process can take no more.',
        size: [6, 8],
        unit: 'short',
        calcs: ['mean', 'max'],
        queries: [
          { expr: `rate(process_cpu_seconds_total{${SERVER}}[$__rate_interval])`, legend: '{{instance}}' },
        ],
      },
      {
        type: 'timeseries',
        title: 'Workers lost since the start',
        description:
          'Inference workers that died and were replaced; the requests that they held were answered 503. Anything but 0 wants a look at the log.',
        size: [6, 8],
        unit: 'short',
        decimals: 0,
        stepped: true,
        showsLimits: true,
        calcs: ['lastNotNull'],
        colors: [
          ['green', null],
          ['red', 1],
        ],
        queries: [
          {
            expr: `sum by (instance) (taustat_workers_lost_total{${MODEL}}) or 0 * max by (instance) (taustat_state{${MODEL}})`,
            legend: '{{instance}}',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Models that answer',
        description:
          '1 when a version of the model answers, 0 when none does although the model was not unloaded: it could not be loaded, or its workers are gone. POST /v2/repository/index says why.',
        size: [12, 8],
        unit: 'short',
        max: 1,
        decimals: 0,
        stepped: true,
        showsLimits: true,
        calcs: ['lastNotNull'],
        colors: [
          ['red', null],
          ['green', 1],
        ],
        queries: [{ expr: `min by (model) (taustat_model_ready{${SERVER}})`, legend: '{{model}}' }],
      },
      {
        type: 'timeseries',
        title: 'State that could not be kept',
        description:
          'Failures to write or read what outlives a restart: the mode that an operator chose, what was learnt, the audit log. They are tried again; serving goes on.',
        size: [12, 8],
        unit: 'short',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `sum by (what) (increase(taustat_state_failures_total{${MODEL}}[$__rate_interval]))`,
            legend: '{{what}}',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Models that cannot be read',
        description:
          '1 while the files of a model cannot be read; what was loaded answers on, and changes are not seen.',
        size: [8, 8],
        unit: 'short',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [{ expr: `max by (model) (taustat_model_unreadable{${SERVER}})`, legend: '{{model}}' }],
      },
      {
        type: 'timeseries',
        title: 'Runs that do not end',
        description:
          'Runs that took longer than runtime.maxRunSeconds; each has cost a worker, which still holds a core.',
        size: [8, 8],
        unit: 'short',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `sum by (instance) (increase(taustat_runs_overdue_total{${MODEL}}[$__rate_interval]))`,
            legend: '{{instance}}',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Log lines dropped',
        description:
          'Lines of the log that its destination did not take: a full disk, a closed pipe, or a slow reader.',
        size: [8, 8],
        unit: 'short',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `sum by (instance) (increase(taustat_log_lines_dropped_total{${SERVER}}[$__rate_interval]))`,
            legend: '{{instance}}',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Versions',
        description:
          'Which version of taustat, Node, and the model each instance runs, with the kernels that the model runs with.',
        size: [12, 8],
        unit: 'none',
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `count by (version, node) (taustat_build_info{${SERVER}})`,
            legend: 'taustat {{version}}, Node {{node}}',
          },
          {
            expr: `count by (version, sha256, kernels) (taustat_model_info{${MODEL}})`,
            legend: '$model {{version}}, {{sha256}}, {{kernels}}',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Time to open the model',
        description: 'Time that the model took to open, from reading its file until it could answer.',
        size: [12, 8],
        unit: 's',
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [{ expr: `taustat_model_load_seconds{${MODEL}}`, legend: '{{instance}}' }],
      },
    ],
  },
  {
    title: 'Other servers',
    panels: [
      {
        type: 'timeseries',
        title: 'Upstream server',
        description:
          'Of models that an upstream server runs. Ready: it says that the model is. Trusted: its models are those that thresholds were proven for; else production is dense. The rate is of requests that were to be pruned, and were answered dense for lack of a pruned answer that can be trusted.',
        size: [12, 8],
        unit: 'short',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `min by (instance) (taustat_upstream_ready{${MODEL}})`,
            legend: 'ready {{instance}}',
            emptyWhen: 'without an upstream server',
          },
          {
            expr: `min by (instance) (taustat_upstream_trusted{${MODEL}})`,
            legend: 'trusted {{instance}}',
            emptyWhen: 'without an upstream server',
          },
          {
            expr: `sum by (instance) (rate(taustat_pruned_answers_missing_total{${MODEL}}[$__rate_interval]))`,
            legend: 'answered dense instead, per second {{instance}}',
            emptyWhen: 'without an upstream server',
          },
        ],
      },
      {
        type: 'timeseries',
        title: 'Replicas that share a thermostat',
        description:
          'Replicas or processes that learn together, which of them decides, and whether the store that they share answers. Absent without a shared store.',
        size: [12, 8],
        unit: 'short',
        decimals: 0,
        stepped: true,
        calcs: ['lastNotNull'],
        queries: [
          {
            expr: `min by (instance) (taustat_shared_store_up{${MODEL}})`,
            legend: '{{instance}}: store answers',
            emptyWhen: 'without a shared store',
          },
          {
            expr: `min by (instance) (taustat_replicas{${MODEL}})`,
            legend: '{{instance}}: replicas',
            emptyWhen: 'without a shared store',
          },
          {
            expr: `max by (instance) (taustat_replica_decides{${MODEL}})`,
            legend: '{{instance}}: decides',
            emptyWhen: 'without a shared store',
          },
        ],
      },
    ],
  },
];
