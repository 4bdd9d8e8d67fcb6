// Every scenario: a model, the phases that its traffic goes through, and how many seeds it takes to judge it.

import { MAIN_ROWS } from '../recording/store.mjs';
import { bursty, steady } from '../replay/arrivals.mjs';

/**
 * @typedef {import('../replay/replayer.mjs').Phase} Phase
 * @typedef {import('../replay/replayer.mjs').Scenario & {
 *   name: string, about: string, kind: Kind, seeds: number, isQuick?: boolean,
 * }} Scenario
 * @typedef {'stationary' | 'scale' | 'drift' | 'collapse' | 'trouble' | 'streams' | 'harvest' | 'earliest'} Kind
 */

const CNN = 'fashion-mnist-cnn';
const MLP = 'fashion-mnist-mlp';
const DIGITS = 'optical-digits-cnn';
const MAIL = 'spam-assassin-lstm';
const GENRES = 'brown-lstm';
const BERT = 'spam-assassin-bert';

/** The rows that `--quick` is about. */
export const QUICK_ROWS = [DIGITS, MLP, MAIL];

const BASE = [{}];
/** Long enough for any controller to have come to rest. */
const SETTLED = { settled: 300, atMost: 500_000 };
const DAY_MS = 86_400_000;

/** @type {(traffic?: Phase['traffic'], more?: Partial<Phase>) => Phase} */
const start = (traffic = BASE, more = {}) => ({
  name: 'start',
  traffic,
  length: SETTLED,
  isStart: true,
  ...more,
});
/** @type {(name: string, traffic: Phase['traffic'], more?: Partial<Phase>) => Phase} */
const shift = (name, traffic, more = {}) => ({ name, traffic, length: 40_000, isDrift: true, ...more });
/** @param {string} variant */
const only = (variant) => [{ variant }];

/** Orders in which requests resemble their neighbours. @type {readonly { name: string, about: string, row: string, shifted: string, isQuick?: boolean, order: import('../replay/order.mjs').Order }[]} */
const ORDERS = [
  {
    name: 'runs-of-3',
    about: 'the same digit about three times in a row',
    row: DIGITS,
    shifted: 'contrast-1.5',
    isQuick: true,
    order: { kind: 'runs', length: 3 },
  },
  {
    name: 'runs-of-10',
    about: 'the same image about ten times in a row',
    row: CNN,
    shifted: 'half-light',
    order: { kind: 'runs', length: 10 },
  },
  {
    name: 'runs-of-3-mail',
    about: 'the same mail about three times in a row',
    row: MAIL,
    shifted: 'shuffled',
    order: { kind: 'runs', length: 3 },
  },
  {
    name: 'rows-of-300',
    about: 'about 300 digits of one class in a row',
    row: DIGITS,
    shifted: 'contrast-1.5',
    order: { kind: 'rows', length: 300 },
  },
  {
    name: 'camera',
    about: 'a slow walk between similar digits, and about 100 requests to the next scene',
    row: DIGITS,
    shifted: 'contrast-1.5',
    order: { kind: 'walk', length: 100 },
  },
  ...[false, true].map((isNamed) => ({
    name: isNamed ? 'cameras-named' : 'cameras',
    about: `eight such walks in turn${isNamed ? ', each with its sequence_id' : ''}`,
    row: DIGITS,
    shifted: 'contrast-1.5',
    order: { kind: /** @type {const} */ ('walk'), length: 100, streams: 8, isNamed },
  })),
];

/** @type {readonly Scenario[]} */
export const SCENARIOS = [
  {
    name: 'stationary',
    about: 'nothing ever happens, 200,000 requests',
    kind: 'stationary',
    row: CNN,
    seeds: 5,
    phases: [start(), { name: 'on and on', traffic: BASE, length: 200_000 }],
  },
  {
    name: 'stationary-digits',
    about: 'the same on a small model',
    kind: 'stationary',
    row: DIGITS,
    seeds: 5,
    isQuick: true,
    phases: [start(), { name: 'on and on', traffic: BASE, length: 200_000 }],
  },
  ...['1.5', '0.67'].flatMap((c) =>
    [CNN, DIGITS, MLP].map((row) => ({
      name: `scale-${c}-${row}`,
      about: `pixel values times ${c}`,
      kind: /** @type {Kind} */ ('scale'),
      row,
      seeds: 9,
      isQuick: row === DIGITS,
      phases: [start(), shift('scaled', only(`contrast-${c}`))],
    })),
  ),
  {
    name: 'class-mix',
    about: 'only the first five classes, then only the others',
    kind: 'drift',
    row: CNN,
    seeds: 5,
    phases: [start([{ classes: [0, 1, 2, 3, 4] }]), shift('others', [{ classes: [5, 6, 7, 8, 9] }])],
  },
  {
    name: 'spam-wave',
    about: 'mail that is 20 % spam, then 90 %',
    kind: 'drift',
    row: MAIL,
    seeds: 5,
    isQuick: true,
    phases: [
      start([
        { classes: [0], weight: 8 },
        { classes: [1], weight: 2 },
      ]),
      shift('spam', [
        { classes: [0], weight: 1 },
        { classes: [1], weight: 9 },
      ]),
    ],
  },
  {
    name: 'genre-mix',
    about: 'some genres, then others',
    kind: 'drift',
    row: GENRES,
    seeds: 5,
    phases: [start([{ classes: [0, 1] }]), shift('others', [{ classes: [2, 3, 4] }])],
  },
  ...['noise', 'blur', 'inversion', 'half-light'].map((variant) => ({
    name: variant,
    about: `images with ${variant}`,
    kind: /** @type {Kind} */ ('drift'),
    row: CNN,
    seeds: 5,
    phases: [start(), shift(variant, only(variant))],
  })),
  ...['shuffled', 'truncated'].map((variant) => ({
    name: `${variant}-text`,
    about: `texts ${variant}`,
    kind: /** @type {Kind} */ ('drift'),
    row: MAIL,
    seeds: 5,
    phases: [start(), shift(variant, only(variant))],
  })),
  {
    name: 'truncated-bert',
    about: 'texts truncated, for a transformer',
    kind: 'drift',
    row: BERT,
    seeds: 3,
    phases: [start(), shift('truncated', only('truncated'))],
  },
  {
    name: 'some-noise',
    about: 'one image in five is noisy',
    kind: 'drift',
    row: CNN,
    seeds: 5,
    phases: [start(), shift('noisier', [{ weight: 4 }, { variant: 'noise', weight: 1 }])],
  },
  {
    name: 'in-rows',
    about: 'the same images as before, but tops in rows of about ten, and all others',
    kind: 'trouble',
    row: CNN,
    seeds: 5,
    phases: [
      start(),
      {
        name: 'in rows',
        traffic: [
          { classes: [0, 2, 4, 6], weight: 4 },
          { classes: [1, 3, 5, 7, 8, 9], weight: 6 },
        ],
        rowLength: 10,
        length: 60_000,
      },
    ],
  },
  {
    name: 'gradual',
    about: 'contrast rises over 100,000 requests',
    kind: 'drift',
    row: DIGITS,
    seeds: 5,
    phases: [
      start(),
      shift('rising', BASE, { towards: only('contrast-1.5'), length: 100_000 }),
      { name: 'risen', traffic: only('contrast-1.5'), length: 30_000 },
    ],
  },
  {
    name: 'sudden-and-back',
    about: 'half of the light for 4,000 requests, then as before',
    kind: 'drift',
    row: CNN,
    seeds: 5,
    phases: [start(), shift('dark', only('half-light'), { length: 4_000 }), shift('light again', BASE)],
  },
  {
    name: 'seasonal',
    about: 'day and night, 20,000 requests each',
    kind: 'drift',
    row: CNN,
    seeds: 3,
    phases: [
      start(),
      ...Array.from({ length: 6 }, (_, i) =>
        shift(i % 2 === 0 ? 'night' : 'day', i % 2 === 0 ? only('half-light') : BASE, { length: 20_000 }),
      ),
    ],
  },
  {
    name: 'bursty',
    about: 'bursts of 500 requests, ten minutes apart; then a shift',
    kind: 'drift',
    row: DIGITS,
    seeds: 5,
    isQuick: true,
    phases: [
      start(BASE, { arrivals: bursty(500, 600_000) }),
      shift('scaled', only('contrast-1.5'), { arrivals: bursty(500, 600_000) }),
    ],
  },
  {
    name: 'low-traffic',
    about: 'one request a minute',
    kind: 'trouble',
    row: DIGITS,
    seeds: 3,
    phases: [{ name: 'from the start', traffic: BASE, arrivals: steady(60_000), length: 60_000 }],
  },
  {
    name: 'no-feature',
    about: 'a model whose free energy shows nothing',
    kind: 'trouble',
    row: MLP,
    seeds: 3,
    isQuick: true,
    phases: [{ name: 'from the start', traffic: BASE, length: 60_000 }],
  },
  ...[DIGITS, MAIL, CNN].map((row) => ({
    name: `collapse-${row}`,
    about: 'the gates prune far more than they are told, once a threshold is trusted',
    kind: /** @type {Kind} */ ('collapse'),
    row,
    seeds: 120,
    isQuick: row === DIGITS,
    phases: [start(), { name: 'collapse', traffic: BASE, collapse: true, length: 3_000 }],
  })),
  {
    name: 'collapse-by-traffic',
    about: 'at the trusted threshold the answers break, since the pixels have shrunk to a tenth',
    kind: 'collapse',
    row: DIGITS,
    seeds: 120,
    phases: [start(), { name: 'faint', traffic: only('faint'), length: 3_000 }],
  },
  {
    name: 'failing-samples',
    about: 'a third of the shadow runs fail, then all of them while the traffic shifts',
    kind: 'trouble',
    row: DIGITS,
    seeds: 5,
    phases: [
      start(BASE, { failureRatio: 1 / 3 }),
      { name: 'all fail', traffic: BASE, failureRatio: 1, length: 10_000 },
      shift('scaled', only('contrast-1.5'), { failureRatio: 1 / 3 }),
    ],
  },
  {
    name: 'clock-jumps',
    about: 'the clock jumps a day ahead, then two days back, then the traffic shifts',
    kind: 'trouble',
    row: DIGITS,
    seeds: 5,
    phases: [
      start(),
      { name: 'a day ahead', traffic: BASE, clockJumpMs: DAY_MS, length: 10_000 },
      { name: 'two days back', traffic: BASE, clockJumpMs: -2 * DAY_MS, length: 10_000 },
      shift('scaled', only('contrast-1.5')),
    ],
  },
  ...ORDERS.map(({ order, shifted, ...more }) => ({
    ...more,
    kind: /** @type {Kind} */ ('streams'),
    seeds: 5,
    phases: [
      { name: 'from the start', traffic: BASE, order, length: 100_000 },
      shift('shifted', only(shifted), { order }),
    ],
  })),
  {
    name: 'another-model',
    about: 'the weights of another training run are swapped in',
    kind: 'drift',
    row: CNN,
    seeds: 5,
    phases: [start(), shift('swapped', [{ row: `${CNN}-seed2` }])],
  },
  {
    name: 'late-shadows',
    about: 'shadow runs come 2,000 requests late; then a shift',
    kind: 'drift',
    row: DIGITS,
    seeds: 5,
    latency: 2_000,
    phases: [start(), shift('scaled', only('contrast-1.5'))],
  },
];

/** What each policy reaches on a row of the zoo. @type {readonly Scenario[]} */
export const HARVESTS = MAIN_ROWS.flatMap((row) =>
  /** @type {const} */ (['guarded', 'earliest']).map((policy) => ({
    name: `${policy}-${row}`,
    about: `what '${policy}' reaches on ${row}`,
    kind: /** @type {Kind} */ (policy === 'guarded' ? 'harvest' : 'earliest'),
    row,
    seeds: 2,
    isQuick: QUICK_ROWS.includes(row),
    config: { control: { policy } },
    phases: [{ name: 'harvest', traffic: BASE, length: 20_000 }],
  })),
);
