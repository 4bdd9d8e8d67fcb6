import { expect, it } from 'vitest';
import { alternate, median } from '../../bench/models/arms.mjs';
import { summaries, table, withSection } from '../../bench/models/page.mjs';
import type { Row } from '../../bench/models/row.ts';

const times = (us: number) => ({ min: us, median: 2 * us });
const planned = { ratio: 2, low: 1.5, high: 2.5 };
const row: Row = {
  name: 'mlp',
  measure: 'margin',
  zeroRatio: 0.5,
  batches: [
    {
      rows: 1,
      plainUs: times(1000),
      bindingUs: times(800),
      observedUs: times(880),
      lossless: { sparseLayers: 0, layers: 3, planned, macsSkipped: 0, us: times(800) },
      pruned: {
        sparseLayers: 2,
        layers: 3,
        planned,
        macsSkipped: 0.7,
        us: times(500),
        threshold: 0.25,
        sparsity: 0.4,
        loss: 0.009,
        gatedSites: 1,
        sites: 2,
      },
    },
  ],
};

it('compares every way of serving with plain, and says where plain is served', () => {
  const [head, , written] = table([row]).split('\n');
  expect(head).toBe(
    '| model | zeros | batch | plain ms | binding | shadow run | lossless | pruned | τ: sparsity | loss |',
  );
  expect(written).toBe(
    '| mlp | 50.0 % | 1 | 1.00 | 1.25 (1.25) | 1.10 (1.10) | plain | 2.00 (2.00); 70.0 % of 2/3, 1/2 sites | 0.250: 40.0 % | 0.9 % |',
  );
});

it('a model without a threshold counts with its exact zeros', () => {
  const [at] = row.batches;
  const none: Row = { ...row, batches: [{ ...at!, pruned: null }] };
  expect(table([none])).toContain('| none | – |');
  expect(summaries([row, none])).toBe(
    'Median of the 2 models, by medians: batch 1: binding 1.25, lossless 1.25, pruned 1.63.',
  );
});

it.each([
  ['# P\n\n## Models\n\nold\n', '# P\n\n## Models\nnew\n'],
  ['# P\n\n## Models\n\nold\n\n## Z\n\nz\n', '# P\n\n## Models\nnew\n\n## Z\n\nz\n'],
  ['# P\n\n## Z\n\nz\n', '# P\n\n## Z\n\nz\n\n## Models\nnew\n'],
])('writes its own section of %j and no other', (page, expected) => {
  expect(withSection(page, '## Models\nnew\n')).toBe(expected);
});

it('runs the arms there and back', async () => {
  const order: string[] = [];
  const arm = (name: string) => () => {
    order.push(name);
    return Promise.resolve();
  };
  const found = await alternate([arm('a'), arm('b'), arm('c')], { requests: 2, rounds: 2, milliseconds: 0 });
  expect(found).toHaveLength(3);
  expect(order.slice(-12).join('')).toBe('abccbaabccba');
});

it('takes the mean of the middle two of an even number', () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2])]).toEqual([2, 2.5]);
});
