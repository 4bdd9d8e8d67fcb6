import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
export const read = (path: string) => readFileSync(at(path), 'utf8');

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly targets?: readonly { readonly expr: string }[];
}

export const dashboard = JSON.parse(read('dashboards/taustat.json')) as {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
};

const rules = parse(read('deploy/prometheus/rules.yml')) as {
  readonly groups: readonly {
    readonly rules: readonly { readonly expr: string; readonly record?: string }[];
  }[];
};

/** Every query of the dashboard and the rules, with where it stands. */
export const queries: readonly (readonly [where: string, expr: string])[] = [
  ...dashboard.panels.flatMap((panel) =>
    (panel.targets ?? []).map(({ expr }) => [`panel ${panel.title}`, expr] as const),
  ),
  ...dashboard.annotations.list.map(({ expr }) => ['annotation', expr] as const),
  ...rules.groups.flatMap((group) => group.rules.map(({ expr }) => ['rules.yml', expr] as const)),
];

export const recorded = new Set(
  rules.groups.flatMap((group) =>
    group.rules.flatMap(({ record }) => (record === undefined ? [] : [record])),
  ),
);
