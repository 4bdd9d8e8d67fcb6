import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExposition } from '../../console/exposition.js';
import { createTaustat, type Taustat } from '../../src/index.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { smallCnn } from '../small-cnn.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const families = new Metrics().families.filter(({ name }) => name.startsWith('taustat_'));

describe('what a server exports before its first request', () => {
  let taustat: Taustat;
  let text = '';
  beforeAll(async () => {
    taustat = await createTaustat({
      model: { path: smallCnn('model.onnx') },
      telemetry: { logLevel: 'silent' },
    });
    text = (await taustat.metrics()).body;
  });
  afterAll(() => taustat.close());

  const hasValues = (name: string) => {
    const exposition = readExposition(text);
    return exposition.has(name) || exposition.has(`${name}_count`);
  };

  it.each(families.map(({ name, present }) => [name, present] as const))(
    '%s has values %s',
    (name, present) => {
      const isThere = present === 'always' || present.startsWith('unless gates prune');
      expect(hasValues(name)).toBe(isThere);
    },
  );

  it('counts from 0', () => {
    const counters = families.filter(({ type, present }) => type === 'counter' && present === 'always');
    expect(counters.length).toBeGreaterThan(10);
    for (const { name } of counters)
      for (const { value } of readExposition(text).get(name)!) expect([name, value]).toEqual([name, 0]);
  });

  it('says which version of a model a metric is of', () => {
    const ofModels = families.filter(({ labels }) => labels.includes('model'));
    const ofNames = ofModels.filter(({ labels }) => !labels.includes('version')).map(({ name }) => name);
    expect(ofNames).toEqual(['taustat_model_ready', 'taustat_model_unreadable']);
  });

  // A developer's machine may have no promtool. Where CI is set it has to be there: then its absence fails.
  it.runIf(hasPromtool || process.env.CI === 'true')('is what promtool finds nothing wrong with', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    });
    expect([stdout, stderr, status]).toEqual(['', '', 0]);
  });
});
