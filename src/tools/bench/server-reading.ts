import { type Exposition, readExposition, samplesOf } from '../../../console/exposition.js';
import { ServingError } from '../../config/errors.ts';

/** What a server says of itself at one moment. */
export interface ServerReading {
  readonly rssBytes: number;
  /** 99th percentile of the event loop's lateness since the last reading, in milliseconds. */
  readonly loopLagP99Ms: number;
  /** Sampled requests so far, by what became of their shadow runs. */
  readonly shadow: ShadowCounts;
  /** Time in the model and number of runs, so far. */
  readonly infer: { readonly seconds: number; readonly count: number };
  /** Answers so far, by what they were. */
  readonly answers: { readonly dense: number; readonly pruned: number };
  /** Share of production that is pruned, at whatever threshold. */
  readonly exposure: number;
  /** Share of nonzero activations that the gates zeroed, over all of production; null while nothing measured it. */
  readonly sparsity: number | null;
  /** Of the largest pruned share of production; 0: every answer is dense. */
  readonly threshold: number;
  readonly state: string;
  /** Sites with a gate. */
  readonly sites: number;
}

export interface ShadowCounts {
  readonly ok: number;
  readonly dropped: number;
  readonly failed: number;
}

/** The monitor's timer fires every 10 ms when nothing is late, and reports that interval as part of the delay. */
const MONITOR_INTERVAL_MS = 10;

/** @throws ServingError UNAVAILABLE */
export async function readServer(url: string): Promise<ServerReading> {
  let text: string;
  try {
    const response = await fetch(new URL('/metrics', url), { headers: { connection: 'close' } });
    text = await response.text();
  } catch (error) {
    throw new ServingError('UNAVAILABLE', `the server at ${url} gives no metrics`, { cause: error });
  }
  return readingOf(readExposition(text));
}

export function readingOf(exposition: Exposition): ServerReading {
  const first = (name: string, labels?: Readonly<Record<string, string>>) =>
    samplesOf(exposition, name, labels)[0]?.value;
  const shadow = (outcome: string) => first('taustat_shadow_runs_total', { outcome }) ?? 0;
  const infer = (part: 'sum' | 'count') =>
    first(`taustat_request_duration_seconds_${part}`, { phase: 'infer' }) ?? 0;
  const thresholds = samplesOf(exposition, 'taustat_threshold');
  const threshold = Math.max(0, ...thresholds.map(({ value }) => value));
  const candidate = first('taustat_candidate_threshold');
  // A higher candidate gets its share from what is pruned already.
  const isPrunedAnyway = threshold > 0 && candidate !== undefined && candidate !== threshold;
  const answers = (answer: string) => first('taustat_answers_total', { answer }) ?? 0;
  const lagMs = 1000 * (first('nodejs_eventloop_lag_p99_seconds') ?? Number.NaN);
  return {
    rssBytes: first('process_resident_memory_bytes') ?? Number.NaN,
    loopLagP99Ms: Math.max(0, lagMs - MONITOR_INTERVAL_MS),
    shadow: {
      ok: shadow('ok'),
      dropped: shadow('dropped') + shadow('over_budget'),
      failed: shadow('failed'),
    },
    infer: { seconds: infer('sum'), count: infer('count') },
    sparsity: first('taustat_sparsity_ratio', { site: 'all' }) ?? null,
    answers: { dense: answers('dense'), pruned: answers('pruned') },
    exposure: isPrunedAnyway ? 1 : (first('taustat_exposure_ratio') ?? 0),
    threshold,
    state: samplesOf(exposition, 'taustat_state').find(({ value }) => value === 1)?.labels.state ?? 'unknown',
    sites: thresholds.length,
  };
}
