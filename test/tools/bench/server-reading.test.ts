import { describe, expect, it } from 'vitest';
import { readExposition } from '../../../console/exposition.js';
import { readingOf } from '../../../src/tools/bench/server-reading.ts';

const TEXT = `# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 104857600
nodejs_eventloop_lag_p99_seconds 0.0125
taustat_shadow_runs_total{model="m",outcome="ok"} 40
taustat_shadow_runs_total{model="m",outcome="dropped"} 3
taustat_request_duration_seconds_bucket{le="+Inf",model="m",phase="infer"} 80
taustat_request_duration_seconds_sum{model="m",phase="infer"} 0.25
taustat_request_duration_seconds_count{model="m",phase="infer"} 80
taustat_request_duration_seconds_sum{model="m",phase="total"} 9
taustat_answers_total{model="m",answer="dense"} 300
taustat_answers_total{model="m",answer="pruned"} 100
taustat_exposure_ratio{model="m"} 0.25
taustat_candidate_threshold{model="m"} 0.5
taustat_threshold{model="m",site="a\\"b"} 0.125
taustat_threshold{model="m",site="c"} 0.5
taustat_sparsity_ratio{model="m",site="a"} 0.9
taustat_sparsity_ratio{model="m",site="all"} 0.25
taustat_state{model="m",state="trial"} 0
taustat_state{model="m",state="tracking"} 1
`;

describe('readingOf', () => {
  it('takes the interval of the event-loop monitor off its delays', () => {
    expect(readingOf(readExposition(TEXT)).loopLagP99Ms).toBeCloseTo(2.5, 9);
    expect(readingOf(readExposition('nodejs_eventloop_lag_p99_seconds 0.0099')).loopLagP99Ms).toBe(0);
  });

  it('holds what the server says', () => {
    const { loopLagP99Ms: _, ...reading } = readingOf(readExposition(TEXT));
    expect(reading).toEqual({
      rssBytes: 104857600,
      shadow: { ok: 40, dropped: 3, failed: 0 },
      infer: { seconds: 0.25, count: 80 },
      answers: { dense: 300, pruned: 100 },
      exposure: 0.25,
      sparsity: 0.25,
      threshold: 0.5,
      state: 'tracking',
      sites: 2,
    });
  });

  it('counts all of production as pruned while a higher candidate takes its place', () => {
    const climbing = TEXT.replace(
      'taustat_candidate_threshold{model="m"} 0.5',
      'taustat_candidate_threshold{model="m"} 0.75',
    );
    expect(readingOf(readExposition(climbing)).exposure).toBe(1);
  });

  it('has no sparsity and no threshold where the server has none', () => {
    const reading = readingOf(readExposition('taustat_state{model="m",state="off"} 1'));
    expect(reading).toMatchObject({ sparsity: null, threshold: 0, state: 'off', sites: 0 });
  });
});
