/** What a panel of the list says, and how Grafana is told. */

/**
 * @typedef {object} Query
 * @property {string} expr - PromQL, with the dashboard's variables.
 * @property {string} legend
 * @property {string} [emptyWhen] - why it may have no values, as a sentence that begins with "while", "until", "where" or "without". Absent: it
 *   always has some.
 * @property {boolean} [exemplars] - whether it shows the traces of its buckets.
 */

/**
 * @typedef {object} Style - Of the series with a name.
 * @property {string} series
 * @property {boolean} [isRegexp]
 * @property {boolean} [dashed]
 * @property {string} [color]
 * @property {boolean} [shades] - of the colour, one for each series.
 * @property {number} [width]
 */

/** @typedef {Readonly<Record<string, { readonly text: string, readonly color: string, readonly index: number }>>} Values */

/**
 * @typedef {object} Panel
 * @property {'stat' | 'timeseries' | 'state-timeline'} type
 * @property {string} title
 * @property {string} description
 * @property {readonly [width: number, height: number]} size - of 24 columns.
 * @property {string} unit - by its name in Grafana.
 * @property {number | null} [min] - of a time series; null: that of the values. By default 0.
 * @property {number} [max]
 * @property {number} [decimals]
 * @property {boolean} [stacked]
 * @property {number} [fill] - opacity below a line, in percent.
 * @property {boolean} [stepped]
 * @property {boolean} [showsLimits] - draws lines where the colour changes.
 * @property {readonly string[]} [calcs] - shown in the legend.
 * @property {readonly (readonly [color: string, from: number | null])[]} [colors] - by value, ascending; the first is from null.
 * @property {Values} [values] - names of numbers.
 * @property {readonly Query[]} queries
 * @property {readonly Style[]} [styles]
 */

/** @typedef {{ readonly title: string, readonly panels: readonly Panel[] }} Row */

export const DATASOURCE = { type: 'prometheus', uid: `\${datasource}` };

const PLAIN = /** @type {const} */ ([['text', null]]);
const GOOD_UNTIL_ONE = /** @type {const} */ ([
  ['green', null],
  ['red', 1],
]);

/**
 * A panel as Grafana reads it.
 *
 * @param {Panel} panel
 */
export function panelJson(panel) {
  const { type, title, queries } = panel;
  return {
    type,
    title,
    description: describe(panel),
    datasource: DATASOURCE,
    targets: queries.map((query, i) => targetJson(query, type, i)),
    fieldConfig: { defaults: FIELDS[type](panel), overrides: (panel.styles ?? []).map(overrideJson) },
    options: OPTIONS[type](panel),
  };
}

/** @param {Panel} panel */
function describe({ description, queries }) {
  const reasons = [
    ...new Set(queries.flatMap(({ emptyWhen }) => (emptyWhen === undefined ? [] : [emptyWhen]))),
  ];
  return [description, ...reasons.map((reason) => `No values ${reason}.`)].join(' ');
}

/**
 * @param {Query} query
 * @param {Panel['type']} type
 * @param {number} i
 */
function targetJson({ expr, legend, exemplars = false }, type, i) {
  const kind = type === 'stat' ? { range: false, instant: true } : { range: true };
  const refId = String.fromCharCode('A'.charCodeAt(0) + i);
  return {
    datasource: DATASOURCE,
    editorMode: 'code',
    expr,
    legendFormat: legend,
    ...kind,
    ...(exemplars ? { exemplar: true } : {}),
    refId,
  };
}

/** @param {Style} style */
function overrideJson({ series, isRegexp = false, dashed = false, color, shades = false, width }) {
  return {
    matcher: { id: isRegexp ? 'byRegexp' : 'byName', options: series },
    properties: [
      ...(dashed
        ? [
            { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } },
            { id: 'custom.fillOpacity', value: 0 },
          ]
        : []),
      ...(color === undefined
        ? []
        : [{ id: 'color', value: { mode: shades ? 'shades' : 'fixed', fixedColor: color } }]),
      ...(width === undefined ? [] : [{ id: 'custom.lineWidth', value: width }]),
    ],
  };
}

/** @param {NonNullable<Panel['colors']>} colors */
function thresholdsJson(colors) {
  return { mode: 'absolute', steps: colors.map(([color, value]) => ({ color, value })) };
}

/** @param {Panel} panel */
function mappingsJson({ values }) {
  return values === undefined ? [] : [{ type: 'value', options: values }];
}

/** Opens the console of the instance that a series is of. */
const TO_CONSOLE = [
  {
    title: `Console of \${__field.labels.instance}`,
    url: `http://\${__field.labels.instance}/`,
    targetBlank: true,
  },
];

/** @type {Readonly<Record<Panel['type'], (panel: Panel) => object>>} */
const FIELDS = {
  stat: (panel) => ({
    unit: panel.unit,
    ...(panel.decimals === undefined ? {} : { decimals: panel.decimals }),
    color: { mode: 'thresholds' },
    mappings: mappingsJson(panel),
    thresholds: thresholdsJson(panel.colors ?? PLAIN),
    noValue: '–',
    ...(panel.values === undefined ? {} : { links: TO_CONSOLE }),
  }),
  timeseries: (panel) => ({
    unit: panel.unit,
    ...(panel.min === null ? {} : { min: panel.min ?? 0 }),
    ...(panel.max === undefined ? {} : { max: panel.max }),
    ...(panel.decimals === undefined ? {} : { decimals: panel.decimals }),
    color: { mode: 'palette-classic' },
    mappings: mappingsJson(panel),
    thresholds: thresholdsJson(panel.colors ?? GOOD_UNTIL_ONE),
    custom: {
      axisBorderShow: false,
      axisCenteredZero: false,
      axisColorMode: 'text',
      axisLabel: '',
      axisPlacement: 'auto',
      barAlignment: 0,
      barWidthFactor: 0.6,
      drawStyle: 'line',
      fillOpacity: panel.fill ?? 8,
      gradientMode: 'none',
      hideFrom: { legend: false, tooltip: false, viz: false },
      insertNulls: false,
      lineInterpolation: panel.stepped ? 'stepAfter' : 'linear',
      lineWidth: 1,
      pointSize: 4,
      scaleDistribution: { type: 'linear' },
      showPoints: 'never',
      spanNulls: false,
      stacking: { group: 'A', mode: panel.stacked ? 'normal' : 'none' },
      thresholdsStyle: { mode: panel.showsLimits ? 'dashed' : 'off' },
    },
  }),
  'state-timeline': (panel) => ({
    unit: panel.unit,
    color: { mode: 'thresholds' },
    mappings: mappingsJson(panel),
    thresholds: thresholdsJson(panel.colors ?? PLAIN),
    custom: {
      axisPlacement: 'auto',
      fillOpacity: 75,
      hideFrom: { legend: false, tooltip: false, viz: false },
      lineWidth: 0,
    },
    links: TO_CONSOLE,
  }),
};

/** @type {Readonly<Record<Panel['type'], (panel: Panel) => object>>} */
const OPTIONS = {
  stat: () => ({
    colorMode: 'value',
    graphMode: 'none',
    justifyMode: 'auto',
    orientation: 'auto',
    percentChangeColorMode: 'standard',
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    showPercentChange: false,
    textMode: 'value',
    wideLayout: true,
  }),
  timeseries: ({ calcs = ['lastNotNull'] }) => ({
    legend: { calcs, displayMode: 'table', placement: 'bottom', showLegend: true },
    tooltip: { hideZeros: false, mode: 'multi', sort: 'desc' },
  }),
  'state-timeline': () => ({
    alignValue: 'left',
    legend: { calcs: [], displayMode: 'list', placement: 'bottom', showLegend: true },
    mergeValues: true,
    rowHeight: 0.9,
    showValue: 'auto',
    tooltip: { hideZeros: false, mode: 'single', sort: 'none' },
  }),
};
