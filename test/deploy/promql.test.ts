import { describe, expect, it } from 'vitest';
import { namesIn } from './promql.ts';

describe('names in PromQL', () => {
  it.each([
    ['up', ['up'], []],
    ['sum(rate(a_total[5m]))', ['a_total'], []],
    ['sum by (job, le) (rate(a_bucket{x="1"}[$__rate_interval]))', ['a_bucket'], ['job', 'le']],
    ['histogram_quantile(0.99, sum without (phase) (b)) > 1e3', ['b'], ['phase']],
    ['a:b:c5m and on (job) (d == 1) unless e offset 15m > 0', ['a:b:c5m', 'd', 'e'], ['job']],
    ['vector($floor) or 0 * max(f)', ['f'], []],
    ['(sum(g{h="x y {z}"}) or vector(0)) / sum(i)', ['g', 'i'], []],
  ])('%s', (expr, names, labels) => {
    const found = namesIn(expr);
    expect(found.selectors.map(({ name }) => name)).toEqual(names);
    expect(found.labels).toEqual(labels);
  });

  it('reads what a selector asks of its labels', () => {
    expect(namesIn('m{model="$model", state=~"on|off", site!="all"} == 1').selectors).toEqual([
      {
        name: 'm',
        matchers: [
          { label: 'model', values: [] },
          { label: 'state', values: ['on', 'off'] },
          { label: 'site', values: ['all'] },
        ],
      },
    ]);
  });
});
