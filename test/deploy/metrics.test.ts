import { describe, expect, it } from 'vitest';
import { type ErrorCode, ServingError } from '../../src/config/errors.ts';
import { exportedSeries, LABEL_VALUES } from './exported.ts';
import { dashboardQueries, read, ruleQueries, rules } from './files.ts';
import { namesIn, type Selector } from './promql.ts';

const exported = await exportedSeries();
const recorded = new Set(rules.flatMap(({ record }) => (record === undefined ? [] : [record])));

/** The labels of a series; of a recorded one, those of the series that it was recorded from. */
function labelsOf(name: string): ReadonlySet<string> {
  const own = exported.get(name);
  if (own !== undefined) return own;
  const { expr } = rules.find(({ record }) => record === name)!;
  return new Set(namesIn(expr).selectors.flatMap((selector) => [...labelsOf(selector.name)]));
}

function expectKnown({ name, matchers }: Selector): void {
  if (!recorded.has(name)) expect([...exported.keys()]).toContain(name);
  for (const { label, values } of matchers) {
    expect([...labelsOf(name)], `labels of ${name}`).toContain(label);
    const known = LABEL_VALUES[name]?.[label];
    if (known !== undefined) for (const value of values) expect(known).toContain(value);
  }
}

describe.each([
  ['dashboard', dashboardQueries],
  ['rules', ruleQueries],
])('%s', (_, queries) => {
  it.each(queries)('%s: asks for series, labels and values that exist', (_where, expr) => {
    const { selectors, labels } = namesIn(expr);
    const fromConstants = /^vector\(/.test(expr);
    expect(selectors.length > 0).toBe(!fromConstants);
    for (const selector of selectors) expectKnown(selector);
    const all = new Set(selectors.flatMap(({ name }) => [...labelsOf(name)]));
    for (const label of labels) expect([...all]).toContain(label);
  });
});

it('counts as server errors what is answered with 5xx, and nothing else', () => {
  const asked = [...dashboardQueries, ...ruleQueries]
    .flatMap(([, expr]) => namesIn(expr).selectors)
    .filter(({ name }) => name === 'taustat_requests_total')
    .flatMap(({ matchers }) => matchers.filter(({ label }) => label === 'outcome'))
    .map(({ values }) => values);
  expect(asked.length).toBeGreaterThanOrEqual(2);
  for (const values of asked) {
    expect(values).toEqual(asked[0]);
    for (const outcome of values) {
      const { status } = new ServingError(outcome.toUpperCase() as ErrorCode, '');
      expect(status, outcome).toBeGreaterThanOrEqual(500);
    }
  }
});

it('shows every metric of taustat on the dashboard', () => {
  const shown = dashboardQueries.map(([, expr]) => expr).join('\n');
  const names = [...exported.keys()].filter((name) => /^taustat_/.test(name) && !/_(sum|count)$/.test(name));
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) expect(shown).toContain(name);
});

it('names metrics that exist in prose and alert texts, too', () => {
  const texts = [
    read('deploy/README.md'),
    ...rules.map(({ annotations }) => JSON.stringify(annotations ?? {})),
  ];
  const named = texts.flatMap((text) => text.match(/\b(?:taustat|nodejs|process)_\w+/g) ?? []);
  expect(named.length).toBeGreaterThan(0);
  for (const name of named) expect([...exported.keys()]).toContain(name);
});
