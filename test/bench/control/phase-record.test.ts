import { describe, expect, it } from 'vitest';
import { controlModule } from './module.ts';

interface Production {
  readonly threshold: number;
  readonly share: number;
  readonly state: string;
  readonly detail: string;
  readonly isSettled: boolean;
  readonly isTrying: boolean;
  readonly isAlarmed: boolean;
}

interface Record {
  saw(now: Production, isPair: boolean): void;
  readonly delays: { readonly [name: string]: number | null };
  readonly pairsToDense: number | null;
  readonly paths: readonly (readonly number[])[];
  readonly reversals: number;
  readonly alarms: number;
}

const { PhaseRecord } = await controlModule<{
  PhaseRecord: new (name: string, isDrift: boolean, start: Production) => Record;
}>('replay/phase-record');

const at = (threshold: number, more: Partial<Production> = {}): Production => ({
  threshold,
  share: threshold === 0 ? 0 : 1,
  state: threshold === 0 ? 'trial' : 'tracking',
  detail: String(threshold),
  isSettled: false,
  isTrying: true,
  isAlarmed: false,
  ...more,
});

function recordOf(start: Production, ...seen: Production[]): Record {
  const record = new PhaseRecord('p', true, start);
  for (const now of seen) record.saw(now, true);
  return record;
}

describe('PhaseRecord', () => {
  it('times the way from an alarm back to production in sampled requests', () => {
    const drifted = at(0, { state: 'drifted', isTrying: false, isAlarmed: true });
    const ramping = [0.05, 0.25].map((share) => at(0.2, { share }));
    const record = recordOf(at(0.3), at(0.3), drifted, drifted, at(0), ...ramping, at(0.2));
    expect(record.delays).toEqual({ alarmed: 2, dense: 2, tried: 4, applied: 5, quarter: 6, full: 7 });
    expect(record.pairsToDense).toBe(2);
    expect(record.alarms).toBe(1);
  });

  it('tells nothing of the way back before there was an alarm', () => {
    expect(recordOf(at(0.3), at(0.3), at(0.3)).delays).toEqual({
      alarmed: null,
      dense: null,
      tried: null,
      applied: null,
      quarter: null,
      full: null,
    });
  });

  it('counts changes of direction of the applied threshold, dense in between left out', () => {
    expect(recordOf(at(0.3), at(0), at(0.2), at(0.25), at(0.4)).reversals).toBe(1);
    expect(recordOf(at(0.3), at(0), at(0.4), at(0), at(0.5)).reversals).toBe(0);
    expect(recordOf(at(0.3), at(0.2), at(0.3), at(0.2)).reversals).toBe(2);
    expect(recordOf(at(0), at(0.1), at(0.1), at(0.2)).paths).toEqual([[0.1, 0.2]]);
  });

  it('counts them from one alarm of drift to the next, each from where τ was', () => {
    const drifted = { ...at(0), state: 'drifted' };
    const record = recordOf(at(0.4), drifted, drifted, at(0.2), at(0.3), drifted, at(0.25), at(0.5));
    expect(record.paths).toEqual([[0.4], [0.4, 0.2, 0.3], [0.3, 0.25, 0.5]]);
    expect(record.reversals).toBe(1);
    expect(recordOf(at(0.4), drifted, at(0.2), at(0.3), at(0.25)).reversals).toBe(2);
  });
});
