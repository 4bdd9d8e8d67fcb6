import { describe, expect, it } from 'vitest';
import { dashboardJson } from '../../dashboards/dashboard.mjs';
import { ROWS } from '../../dashboards/rows.mjs';
import { STATE_NAMES } from '../../src/control/phases/state.ts';
import { dashboard, dashboardQueries, type Panel, read, rules } from './files.ts';

const { panels } = dashboard;
const charts = panels.filter(({ targets }) => targets !== undefined);
const COLUMNS = 24;

describe('the dashboard', () => {
  it('is made of its source: npm run dashboard', () => {
    expect(read('dashboards/taustat.json')).toBe(`${JSON.stringify(dashboardJson(), null, 2)}\n`);
  });

  it('lists the alerts by the name that all of them begin with', () => {
    const [list] = panels.filter(({ type }) => type === 'alertlist');
    const { alertName } = list!.options as { alertName: string };
    for (const { alert = alertName } of rules) expect(alert.startsWith(alertName)).toBe(true);
  });

  it('says of every query that may be empty when it is', () => {
    const queries = ROWS.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries));
    const reasons = queries.flatMap(({ emptyWhen }) => (emptyWhen === undefined ? [] : [emptyWhen]));
    expect(reasons.length).toBeGreaterThan(0);
    const told = charts.map(({ description }) => description).join('\n');
    for (const reason of reasons) {
      expect(reason).toMatch(/^(while|until|where|without) .*[^.]$/);
      expect(told).toContain(`No values ${reason}.`);
    }
  });

  it('is in the classic format of Grafana 9 and later', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(charts.length).toBeGreaterThan(20);
  });

  it.each(charts.map((panel) => [panel.title, panel] as const))('%s: explains itself', (_, panel) => {
    expect(panel.description).toMatch(/.{40,}\.$/);
    expect(panel.fieldConfig?.defaults.unit).toBeTruthy();
    expect(panel.targets?.length).toBeGreaterThan(0);
    expect(panel.datasource?.uid).toMatch(/^\$\{datasource\}$/);
    for (const { legendFormat } of panel.targets!) expect(legendFormat).not.toBe('');
  });

  it('lays its panels side by side, within the columns', () => {
    for (const { title, gridPos } of panels)
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(COLUMNS);
    for (const [i, a] of panels.entries())
      for (const b of panels.slice(i + 1)) expect(overlap(a, b), `${a.title} / ${b.title}`).toBe(false);
  });

  it('uses the variables that it declares, and declares what it uses', () => {
    const declared = dashboard.templating.list.map(({ name }) => name);
    const text = dashboardQueries.map(([, expr]) => expr).join('\n');
    const used = new Set([...text.matchAll(/\$(\w+)/g)].map(([, name]) => name!));
    expect([...used].filter((name) => !name.startsWith('__')).sort()).toEqual(
      declared.filter((name) => name !== 'datasource').sort(),
    );
    expect([...used].filter((name) => name.startsWith('__'))).toEqual(['__rate_interval']);
  });

  it('calls each number that stands for a state by its name', () => {
    const numbered = charts.filter(({ targets }) =>
      targets!.some(({ expr }) => /taustat_state.* \* \d/.test(expr)),
    );
    const stateful = numbered.filter(({ fieldConfig }) => fieldConfig!.defaults.mappings.length > 0);
    expect(stateful.map(({ type }) => type)).toEqual(['stat', 'state-timeline']);
    for (const { targets, fieldConfig } of stateful) {
      const numbers = targets![0]!.expr.matchAll(/state="(\w+)"\} == 1\) \* (\d+)/g);
      const inQuery = Object.fromEntries([...numbers].map(([, state, number]) => [number, state]));
      const options = Object.entries(fieldConfig!.defaults.mappings[0]!.options);
      expect(Object.fromEntries(options.map(([number, { text }]) => [number, text]))).toEqual(inQuery);
      expect(Object.values(inQuery).sort()).toEqual([...STATE_NAMES].sort());
    }
  });
});

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
