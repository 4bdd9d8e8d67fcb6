import { readExposition, samplesOf } from '../../console/exposition.js';
import { CHANGE_REASONS, STATE_NAMES } from '../../src/control/phases/state.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';

/** The labels that Prometheus gives every series of a target; of a pod, those that service discovery adds. */
const TARGET_LABELS = ['job', 'instance', 'namespace', 'pod'];
/** The labels of an alert, besides those of its expression. */
const ALERT_LABELS = ['alertname', 'alertstate', 'severity'];

const DURATION_PHASES = ['queue', 'infer', 'total'];
const PHASES = ['decode', 'dispatch', 'queue', 'infer', 'encode'];

/** What a label of a metric can be, where it is not the user's to choose. `outcome` of requests is checked apart. */
export const LABEL_VALUES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  taustat_state: { state: STATE_NAMES },
  taustat_request_duration_seconds_bucket: { phase: DURATION_PHASES },
  taustat_request_duration_seconds_sum: { phase: DURATION_PHASES },
  taustat_request_duration_seconds_count: { phase: DURATION_PHASES },
  taustat_phase_duration_seconds_bucket: { phase: PHASES },
  taustat_phase_duration_seconds_sum: { phase: PHASES },
  taustat_phase_duration_seconds_count: { phase: PHASES },
  taustat_shadow_runs_total: { outcome: ['ok', 'dropped', 'over_budget', 'failed'] },
  taustat_state_failures_total: { what: ['choice', 'evidence', 'audit'] },
  taustat_threshold_changes_total: { reason: CHANGE_REASONS },
  taustat_compared_answers_total: { outcome: ['agreed', 'disagreed'] },
};

/** Every series that a server exports, by name, with its labels. */
export async function exportedSeries(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const metrics = new Metrics();
  const { body } = await metrics.expose(undefined);
  const own = new Map(
    Object.values(metrics as unknown as Record<string, DeclaredMetric>).map((m) => [m.name, m.labelNames]),
  );
  const series = new Map<string, ReadonlySet<string>>([
    ['up', new Set(TARGET_LABELS)],
    ['ALERTS', new Set([...TARGET_LABELS, ...ALERT_LABELS])],
  ]);
  for (const [, name, type] of body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const labels = [...TARGET_LABELS, ...(own.get(name!) ?? labelsOfSamples(body, name!))];
    if (type !== 'histogram') series.set(name!, new Set(labels));
    else {
      series.set(`${name}_bucket`, new Set([...labels, 'le']));
      for (const suffix of ['_sum', '_count']) series.set(name! + suffix, new Set(labels));
    }
  }
  return series;
}

interface DeclaredMetric {
  readonly name: string;
  readonly labelNames: readonly string[];
}

function labelsOfSamples(body: string, name: string): string[] {
  const exposition = readExposition(body);
  const [sample] = [...samplesOf(exposition, name), ...samplesOf(exposition, `${name}_bucket`)];
  return Object.keys(sample?.labels ?? {});
}
