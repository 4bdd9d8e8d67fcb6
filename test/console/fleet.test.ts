import { describe, expect, it } from 'vitest';
import { CHANGE_REASONS } from '../../src/control/phases/state.ts';
import { consoleModule } from '../transport/http/console-module.ts';

type Order = { column: number; direction: string } | null;
const { arranged, nextOrder } = await consoleModule<{
  arranged<T>(
    items: readonly T[],
    filter: string,
    order: Order,
    values: readonly ((item: T) => unknown)[],
  ): T[];
  nextOrder(order: Order, column: number): Order;
}>('order');
const { csvOf } = await consoleModule<{ csvOf(names: string[], rows: object[]): string }>('export-text');
const { fleetRows, fleetText, namedModels, servedRow, unavailableRow } = await consoleModule<{
  fleetRows(index: object[], overview: object[]): Record<string, unknown>[];
  fleetText(rows: object[]): string;
  namedModels(index: object[]): Map<string, string | null>;
  servedRow(report: object): Record<string, unknown>;
  unavailableRow(model: string, note: string): Record<string, unknown>;
}>('fleet');
const { dayOf, dayText } = await consoleModule<{
  dayOf(history: object): { state: string; from: number; to: number }[];
  dayText(day: object[]): string;
}>('day');
const { reasonText } = await consoleModule<{ reasonText(reason: string): string }>('change-words');

const REPORT = {
  model: 'm',
  mode: 'auto',
  state: 'tracking',
  change: { at: 1, reason: 'ramped', detail: '' },
  exposure: 0.25,
  production: { threshold: 0.5, share: 0.25, rest: 0 },
  speedup: { ratio: 1.25, low: 1.2, high: 1.3 },
  loss: { mean: 0.02, lower: 0.01, upper: 0.03, allowed: 0.01 },
  search: null,
};

describe('a row of the fleet', () => {
  it('tells what production saves and loses', () => {
    expect(servedRow(REPORT)).toEqual({
      model: 'm',
      state: 'tracking',
      mode: 'auto',
      exposure: 0.25,
      saved: 1 - 1 / 1.25,
      loss: 0.005,
      allowed: 0.01,
      standing: 'above',
      note: 'share of production changed',
    });
  });

  it.each([
    [30.2, 'about 31 s'],
    [600, 'about 10 min'],
    [20_000, 'about 6 h'],
  ])('tells when the next threshold is decided: in %d s', (secondsLeft, text) => {
    const search = { stage: 'testing', next: { threshold: 0.5, secondsLeft } };
    expect(servedRow({ ...REPORT, search }).note).toBe(`τ 0.5 is decided in ${text}`);
    expect(servedRow({ ...REPORT, search, mode: 'off' }).note).toBe('share of production changed');
  });

  it('is of a model that answers if one version does', () => {
    const index = [
      { name: 'a', version: '1', state: 'UNAVAILABLE', reason: 'bad' },
      { name: 'a', version: '2', state: 'READY' },
      { name: 'b', state: 'UNAVAILABLE', reason: '' },
    ];
    expect([...namedModels(index)]).toEqual([
      ['a', null],
      ['b', 'not loaded'],
    ]);
  });

  it('is there for every model of the index, and says why where nothing is told of it', () => {
    const index = [
      { name: 'a', state: 'UNAVAILABLE', reason: 'bad' },
      { name: 'm', state: 'READY' },
      { name: 'z', state: 'READY' },
    ];
    expect(fleetRows(index, [REPORT])).toEqual([
      unavailableRow('a', 'bad'),
      servedRow(REPORT),
      unavailableRow('z', 'not loaded'),
    ]);
  });

  it('counts in the sentence above', () => {
    const broken = servedRow({ ...REPORT, exposure: 1 });
    expect(fleetText([broken, servedRow({ ...REPORT, exposure: 0 }), unavailableRow('x', 'bad')])).toBe(
      '3 models, 1 pruned, 1 unavailable, 1 above the allowed loss.',
    );
  });
});

describe('the order of a table', () => {
  const items = [
    { name: 'layer10', beta: 0.2 },
    { name: 'layer2', beta: null },
    { name: 'head', beta: 0.1 },
  ];
  const values = [({ name }: (typeof items)[number]) => name, ({ beta }: (typeof items)[number]) => beta];
  const names = (filter: string, order: Order) =>
    arranged(items, filter, order, values).map(({ name }) => name);

  it('is up, down, then as it came', () => {
    const up = nextOrder(null, 0);
    const down = nextOrder(up, 0);
    expect([up, down, nextOrder(down, 0), nextOrder(down, 1)]).toEqual([
      { column: 0, direction: 'ascending' },
      { column: 0, direction: 'descending' },
      null,
      { column: 1, direction: 'ascending' },
    ]);
    expect(names('', up)).toEqual(['head', 'layer2', 'layer10']);
    expect(names('', down)).toEqual(['layer10', 'layer2', 'head']);
    expect(names('', null)).toEqual(['layer10', 'layer2', 'head']);
  });

  it('has what is not known last, either way', () => {
    expect(names('', { column: 1, direction: 'ascending' })).toEqual(['head', 'layer10', 'layer2']);
    expect(names('', { column: 1, direction: 'descending' })).toEqual(['layer10', 'head', 'layer2']);
  });

  it('is of what has every word of the filter', () => {
    expect(names(' LAYER 2', null)).toEqual(['layer2']);
    expect(names('layer head', null)).toEqual([]);
  });
});

it('quotes CSV, and lets no spreadsheet run a name', () => {
  expect(
    csvOf(
      ['a', 'b'],
      [
        { a: 'x, "y"', b: null },
        { a: '=1+1', b: -0.5 },
      ],
    ),
  ).toBe('a,b\r\n"x, ""y""",\r\n\'=1+1,-0.5\r\n');
});

it('has words for every reason that a state changes for', () => {
  for (const reason of CHANGE_REASONS) expect(reasonText(reason)).toMatch(/^[a-z ,]{8,}$/);
  expect(reasonText('unheard-of')).toBe('unheard-of');
});

describe('the last day', () => {
  const HOUR = 3_600_000;
  const now = 100 * HOUR;
  const at = (hoursAgo: number) => now - hoursAgo * HOUR;

  it('begins a day ago at the earliest, and ends now', () => {
    const day = dayOf({
      now,
      changes: [
        { at: at(40), state: 'warming', exposure: 0 },
        { at: at(30), state: 'tracking', exposure: 1 },
        { at: at(6), state: 'fallback', exposure: 0 },
      ],
    });
    expect(day).toEqual([
      { state: 'tracking', exposure: 1, from: 24, to: 6 },
      { state: 'fallback', exposure: 0, from: 6, to: 0 },
    ]);
    expect(dayText(day)).toBe('24.0 h remembered, 75 % of it pruned: tracking 18.0 h, fallback 6.0 h.');
  });

  it('says how little is remembered of it', () => {
    const changes = [{ at: at(0.5), state: 'warming', exposure: 0 }];
    expect(dayText(dayOf({ now, changes }))).toBe('30 min remembered, 0 % of it pruned: warming 30 min.');
    expect(dayText(dayOf({ now, changes: [] }))).toBe('Nothing is remembered of it yet.');
  });
});
