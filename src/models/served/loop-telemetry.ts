import type { Logger } from 'pino';
import { nonzeroCount } from '../../estimator/histogram.ts';
import { describeObjective, measureOf } from '../../loop/comparison/objective.ts';
import type { ShadowSample } from '../../loop/shadow-run.ts';
import type { LoopTelemetry } from '../../loop/telemetry.ts';
import type { Metrics, OfModel } from '../../telemetry/metrics.ts';
import { addSpan, traceFields } from '../../telemetry/tracing.ts';

/** Writes the events of a model's loop to the metrics and the log. */
export function loopTelemetry(of: OfModel, metrics: Metrics, log: Logger): LoopTelemetry {
  const { model } = of;
  return {
    shadowRun: (outcome, error, origin) => {
      metrics.shadowRuns.inc({ ...of, outcome: outcome === 'overBudget' ? 'over_budget' : outcome });
      if (error !== undefined) log.warn({ model, error, ...traceFields(origin) }, 'shadow run failed');
    },
    sampled: (sample) => countSample(of, metrics, sample),
    judged: (objective) => {
      const { vacuous } = objective;
      const fields = { model, measure: measureOf(objective), vacuous };
      const detail = `answers are judged: ${describeObjective(objective)}`;
      if (vacuous) log.warn(fields, detail);
      else log.info(fields, detail);
    },
    correlated: ({ correlationTime, blockRequests }) =>
      log.info(
        { model, correlationTime: Number(correlationTime.toFixed(2)), blockRequests },
        blockRequests === 1
          ? 'requests do not resemble those before them: each counts'
          : `requests resemble those before them: ${blockRequests} in a row count as one, as evidence and for drift`,
      ),
    estimated: (ms) => {
      metrics.estimatorDuration.observe({ step: 'critical-point' }, ms / 1000);
      const now = performance.now();
      addSpan('taustat.estimate', now - ms, now, { 'taustat.model': model });
    },
  };
}

function countSample(of: OfModel, metrics: Metrics, sample: ShadowSample): void {
  metrics.estimatorDuration.observe({ step: 'binning' }, sample.binningMs / 1000);
  let seen = 0;
  let nonFinite = 0;
  for (const h of sample.histograms) {
    seen += h.zeros + nonzeroCount(h);
    nonFinite += h.nonFinite;
  }
  metrics.activationsSampled.inc(of, seen);
  metrics.activationsNonFinite.inc(of, nonFinite);
  for (const { comparison, isServed } of sample.comparisons) {
    if (comparison === null || !isServed) continue;
    const { rows, agreed } = comparison;
    metrics.comparedAnswers.inc({ ...of, outcome: 'agreed' }, agreed);
    metrics.comparedAnswers.inc({ ...of, outcome: 'disagreed' }, rows - agreed);
  }
}
