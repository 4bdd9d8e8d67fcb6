/**
 * The Grafana dashboard from the list of its panels.
 *
 *   npm run dashboard      writes dashboards/taustat.json
 */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { DATASOURCE, panelJson } from './panel.mjs';
import { MODEL, ROWS, SERVER } from './rows.mjs';

const COLUMNS = 24;
const ROW_HEIGHT = 1;
const ALERTS_HEIGHT = 6;

/** @typedef {{ x: number, y: number, w: number, h: number }} Place */

/** The whole dashboard, in the classic format of Grafana 9 and later. */
export function dashboardJson() {
  return {
    uid: 'taustat',
    title: 'taustat',
    description:
      'Activation sparsity under control: the threshold, its proof, the traffic, and what it costs.',
    tags: ['taustat', 'inference', 'onnx'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    fiscalYearStartMonth: 0,
    liveNow: false,
    timezone: 'browser',
    weekStart: '',
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timepicker: {},
    links: LINKS,
    annotations: { list: [STATE_CHANGES] },
    templating: { list: VARIABLES },
    panels: placed(),
  };
}

const LINKS = [
  {
    title: 'Alert rules',
    type: 'link',
    icon: 'bolt',
    tooltip: 'The rules of taustat, with their runbooks',
    url: '/alerting/list?search=Taustat',
    targetBlank: false,
    includeVars: false,
    keepTime: false,
    asDropdown: false,
    tags: [],
  },
  {
    title: 'Dashboards of taustat',
    type: 'dashboards',
    icon: 'external link',
    tooltip: '',
    url: '',
    targetBlank: false,
    includeVars: true,
    keepTime: true,
    asDropdown: true,
    tags: ['taustat'],
  },
];

const STATE_CHANGES = {
  name: 'State changes',
  datasource: DATASOURCE,
  enable: true,
  hide: false,
  iconColor: 'purple',
  expr: `taustat_state{${MODEL}} == 1 unless taustat_state{${MODEL}} offset 1m == 1`,
  step: '60s',
  titleFormat: '{{state}}',
  textFormat: '{{model}} on {{instance}}',
  tagKeys: '',
  useValueForTime: false,
};

/** The alerts that Grafana knows of, its data source's included. @type {object} */
const ALERT_LIST = {
  type: 'alertlist',
  title: 'Alerts',
  description:
    'Alerts of taustat that are pending or fire, of every data source whose rules Grafana shows. Their runbooks are in docs/operations.md.',
  options: {
    viewMode: 'list',
    groupMode: 'default',
    groupBy: [],
    maxItems: 20,
    sortOrder: 3,
    dashboardAlerts: false,
    alertName: 'Taustat',
    alertInstanceLabelFilter: '',
    stateFilter: { firing: true, pending: true, noData: false, normal: false, error: true },
  },
};

/**
 * @param {string} name
 * @param {string} label
 * @param {string} query
 * @param {object} [more]
 */
function variable(name, label, query, more = {}) {
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { qryType: 1, query, refId: name },
    regex: '',
    hide: 0,
    multi: false,
    includeAll: false,
    refresh: 2,
    sort: 1,
    skipUrlSync: false,
    options: [],
    current: {},
    ...more,
  };
}

/** Several at once, and all by default; series without the label, as of a static target, are among all. */
const MANY = {
  multi: true,
  includeAll: true,
  allValue: '.*',
  current: { selected: true, text: ['All'], value: ['$__all'] },
};

const VARIABLES = [
  {
    name: 'datasource',
    label: 'Data source',
    type: 'datasource',
    query: 'prometheus',
    regex: '',
    hide: 0,
    multi: false,
    includeAll: false,
    refresh: 1,
    skipUrlSync: false,
    options: [],
    current: {},
  },
  variable('namespace', 'Namespace', 'label_values(taustat_state, namespace)', MANY),
  variable('model', 'Model', 'label_values(taustat_state{namespace=~"$namespace"}, model)'),
  variable(
    'version',
    'Version',
    'label_values(taustat_state{model="$model", namespace=~"$namespace"}, version)',
    {
      ...MANY,
      sort: 3,
    },
  ),
  variable('pod', 'Pod', 'label_values(taustat_state{model="$model", namespace=~"$namespace"}, pod)', MANY),
  variable(
    'instance',
    'Instance',
    'label_values(taustat_state{model="$model", namespace=~"$namespace", pod=~"$pod"}, instance)',
    MANY,
  ),
];

/** Rows one below the other; their panels from left to right, as many as fit. */
function placed() {
  /** @type {{ id: number, gridPos: Place }[]} */
  const panels = [];
  let y = 0;
  /**
   * @param {object} panel
   * @param {Place} gridPos
   */
  const add = (panel, gridPos) => panels.push({ id: panels.length + 1, ...panel, gridPos });
  for (const { title, panels: list } of ROWS) {
    add({ type: 'row', title, collapsed: false, panels: [] }, { x: 0, y, w: COLUMNS, h: ROW_HEIGHT });
    y += ROW_HEIGHT;
    let x = 0;
    let height = 0;
    for (const panel of list) {
      const [w, h] = panel.size;
      if (x + w > COLUMNS) {
        x = 0;
        y += height;
        height = 0;
      }
      add(panelJson(panel), { x, y, w, h });
      x += w;
      height = Math.max(height, h);
    }
    y += height;
    if (title !== ROWS[0]?.title) continue;
    add(ALERT_LIST, { x: 0, y, w: COLUMNS, h: ALERTS_HEIGHT });
    y += ALERTS_HEIGHT;
  }
  return panels;
}

/**
 * Every query that nobody sees in a panel, with the place where it stands.
 *
 * @type {readonly { where: string, expr: string, emptyWhen?: string }[]}
 */
export const OTHER_QUERIES = [
  {
    where: 'annotation',
    expr: STATE_CHANGES.expr,
    emptyWhen: 'while the state stays as it is',
  },
  { where: 'variables', expr: `taustat_state{${SERVER}}` },
];

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  writeFileSync(new URL('taustat.json', import.meta.url), `${JSON.stringify(dashboardJson(), null, 2)}\n`);
