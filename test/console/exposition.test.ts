import { Counter, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { readExposition, samplesOf } from '../../console/exposition.js';

describe('exposition', () => {
  it('reads what prom-client writes, quotes, commas and line breaks in labels included', async () => {
    const registers = [new Registry()];
    const counter = new Counter({
      name: 'taustat_a_total',
      help: 'A.',
      labelNames: ['model', 'why'],
      registers,
    });
    const label = 'a "b", {c}=\\ d\ne';
    counter.inc({ model: label, why: 'x' }, 2.5);
    counter.inc({ model: 'plain', why: 'x' }, 1e21);
    new Counter({ name: 'other_total', help: 'B.', registers }).inc(3);
    const exposition = readExposition(await registers[0]!.metrics(), 'taustat_');
    expect([...exposition.keys()]).toEqual(['taustat_a_total']);
    expect(samplesOf(exposition, 'taustat_a_total', { model: label })).toEqual([
      { labels: { model: label, why: 'x' }, value: 2.5 },
    ]);
    expect(samplesOf(exposition, 'taustat_a_total', { why: 'x' }).map(({ value }) => value)).toEqual([
      2.5, 1e21,
    ]);
    expect(samplesOf(exposition, 'taustat_absent', {})).toEqual([]);
  });

  it('reads a metric without labels, and infinities', () => {
    const exposition = readExposition(
      '# HELP taustat_x y\ntaustat_x 4\ntaustat_y{le="1"} +Inf\ntaustat_broken{',
      'taustat_',
    );
    expect(exposition.get('taustat_x')).toEqual([{ labels: {}, value: 4 }]);
    expect(exposition.get('taustat_y')?.[0]?.value).toBe(Number.POSITIVE_INFINITY);
    expect(exposition.has('taustat_broken')).toBe(false);
  });

  it('reads values of any form, with or without a time', () => {
    const values = [...readExposition('a +Inf\nb -Inf\nc NaN\nd 1e-3 1700000000').values()].flat();
    expect(values.map(({ value }) => value)).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      0.001,
    ]);
  });
});
