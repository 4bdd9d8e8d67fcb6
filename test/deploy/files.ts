import { readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';

/** Where the image keeps state. */
export const STATE_FOLDER = '/var/lib/taustat';

/** A file of the repository, as text. */
export function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** A YAML file of one document. */
export function readYaml<T>(path: string): T {
  return parse(read(path)) as T;
}

/** Every document of a YAML file, by its kind. */
export function readManifests(path: string): Record<string, Manifest> {
  const documents = parseAllDocuments(read(path)).map((document) => document.toJS() as Manifest);
  return Object.fromEntries(documents.map((manifest) => [manifest.kind, manifest]));
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  // biome-ignore lint/suspicious/noExplicitAny: a manifest is as deep as its kind says
  readonly spec: any;
}

export interface Target {
  readonly expr: string;
  readonly legendFormat: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly Target[];
  readonly options?: object;
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly mappings: readonly { readonly options: Record<string, { readonly text: string }> }[];
    };
  };
}

export interface Dashboard {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly definition?: string;
      readonly query: unknown;
    }[];
  };
}

export const dashboard = JSON.parse(read('dashboards/taustat.json')) as Dashboard;

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: { readonly severity: string };
  readonly annotations?: {
    readonly runbook_url: string;
    readonly summary: string;
    readonly description: string;
  };
}

export const rules: readonly Rule[] = readYaml<{ groups: { rules: Rule[] }[] }>(
  'deploy/prometheus/rules.yml',
).groups.flatMap((group) => group.rules);

/** Every query of the dashboard, with the place where it stands. */
export const dashboardQueries: readonly (readonly [where: string, expr: string])[] = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => [`${title}: ${legendFormat}`, expr] as const),
  ),
  ...dashboard.annotations.list.map(({ expr }) => ['annotation', expr] as const),
  ...dashboard.templating.list.flatMap(({ name, definition }) => {
    const selector = definition?.match(/^label_values\((.*), \w+\)$/)?.[1];
    return selector === undefined ? [] : [[`variable ${name}`, selector] as const];
  }),
];

/** Every query of the rules, with the name of its rule. */
export const ruleQueries: readonly (readonly [where: string, expr: string])[] = rules.map(
  ({ record, alert, expr }) => [record ?? alert ?? 'unnamed', expr] as const,
);
