import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SCREENSHOTS } from '../docs/screenshots/list.mjs';
import { ConfigSchema, parseConfig } from '../src/config/schema.ts';
import { settings } from '../src/config/sources.ts';
import { STATE_NAMES } from '../src/control/phases/state.ts';
import { type MetricFamily, Metrics } from '../src/telemetry/metrics.ts';
import { unitOf } from '../src/telemetry/units.ts';
import { OPERATIONS } from '../src/transport/http/openapi/operations.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const README_LINES = 150;
const SCREENSHOT_BYTES = 200_000;

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...pagesOf('docs'),
  ...pagesOf('deploy'),
];

function pagesOf(folder: string): string[] {
  return readdirSync(resolve(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}

function read(path: string): string {
  return readFileSync(resolve(ROOT, path), 'utf8');
}

/** A page without its blocks of code, in which neither a link nor a heading is one. */
function proseOf(path: string): string {
  return read(path).replace(/^ *```[\s\S]*?^ *```/gm, '');
}

/** Targets of links and pictures that are files of this repository. */
function linksOf(path: string): string[] {
  const prose = proseOf(path).replace(/`[^`\n]*`/g, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that GitHub gives the headings of a page; one that occurs again gets a number. */
function anchorsOf(path: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = [...proseOf(path).matchAll(/^#+ +(.*)$/gm)].map(([, heading]) => {
    const slug = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
  return new Set(anchors);
}

function problemOf(page: string, target: string): string | undefined {
  const [path, anchor] = target.split('#') as [string, string?];
  const file = path === '' ? resolve(ROOT, page) : resolve(ROOT, dirname(page), decodeURI(path));
  if (!existsSync(file)) return `${page}: ${target}: no such file`;
  const isFound = anchor === undefined || anchorsOf(relative(ROOT, file)).has(anchor);
  return isFound ? undefined : `${page}: ${target}: no such heading`;
}

describe('documentation', () => {
  it.each(pages)('%s: links to files and headings that exist', (page) => {
    expect(
      linksOf(page)
        .map((target) => problemOf(page, target))
        .filter((problem) => problem),
    ).toEqual([]);
  });

  it('notices a link to nowhere', () => {
    expect(problemOf('README.md', 'docs/nothing.md')).toContain('no such file');
    expect(problemOf('README.md', 'docs/configuration.md#nothing')).toContain('no such heading');
    expect(problemOf('README.md', 'docs/configuration.md#settings')).toBeUndefined();
  });

  it('has an index that names every page', () => {
    const named = new Set(linksOf('docs/README.md').map((target) => `docs/${target.split('#')[0]}`));
    const missing = pagesOf('docs').filter((page) => page !== 'docs/README.md' && !named.has(page));
    expect(missing).toEqual([]);
  });

  it(`begins with a README of at most ${README_LINES} lines`, () => {
    expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(README_LINES);
  });
});

/** Pictures of a page, in Markdown or HTML: where each is, and what it says to those who do not see it. */
function picturesOf(page: string): { readonly file: string; readonly alt: string | undefined }[] {
  const prose = proseOf(page).replace(/`[^`\n]*`/g, '');
  const at = (target: string) => relative(ROOT, resolve(ROOT, dirname(page), target));
  return [
    ...[...prose.matchAll(/!\[([^\]]*)\]\(([^)\s]+)\)/g)].map(([, alt, target]) => ({
      file: at(target!),
      alt: alt!,
    })),
    ...[...prose.matchAll(/<(img|source)\b[^>]*?\bsrc(?:set)?="([^"]+)"[^>]*>/g)].map(
      ([all, tag, target]) => ({
        file: at(target!),
        alt: tag === 'source' ? undefined : (/\balt="([^"]*)"/.exec(all)?.[1] ?? ''),
      }),
    ),
  ];
}

describe('pictures', () => {
  const all = pages.flatMap((page) => picturesOf(page).map((picture) => ({ page, ...picture })));

  it('are there, and say in words what is to be seen', () => {
    expect(all.filter(({ file }) => !existsSync(resolve(ROOT, file)))).toEqual([]);
    expect(all.filter(({ alt }) => alt === '')).toEqual([]);
    expect(all.length).toBeGreaterThan(30);
  });

  it('of what runs are made by npm run screenshots, shown on some page, and packed with it', () => {
    const folder = 'docs/screenshots';
    const kept = readdirSync(resolve(ROOT, folder)).filter((name) => !name.endsWith('.mjs'));
    const shown = new Set(all.flatMap(({ file }) => (dirname(file) === folder ? [basename(file)] : [])));
    expect(kept.sort()).toEqual(Object.keys(SCREENSHOTS).sort());
    expect([...shown].sort()).toEqual(kept);
    expect(kept.filter((name) => statSync(resolve(ROOT, folder, name)).size > SCREENSHOT_BYTES)).toEqual([]);
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    const packed = (name: string) => files.includes(`${folder}/*${extname(name)}`);
    expect(kept.filter((name) => !packed(name))).toEqual([]);
  });
});

describe('commands', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

  it.each(pages)('%s: names npm scripts that exist', (page) => {
    const named = [...read(page).matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)].filter(
      ([all, name]) => all.startsWith('npm run ') || name === 'test',
    );
    expect(named.map(([, name]) => name!).filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  it('and paths that CONTRIBUTING names are there', () => {
    const named = [...read('CONTRIBUTING.md').matchAll(/[`\s]((?:src|test|bench|docs|\.ci)\/[\w./-]*)/g)];
    expect(named.length).toBeGreaterThan(20);
    expect(named.map(([, path]) => path!).filter((path) => !existsSync(resolve(ROOT, path)))).toEqual([]);
  });
});

describe('metrics', () => {
  const page = 'docs/metrics.md';
  const { families } = new Metrics();
  const ofTaustat = families.filter(({ name }) => name.startsWith('taustat_'));

  it('are all in the table, as the registry has them', () => {
    expectTable(page, 'metrics', metricsTable(ofTaustat));
  });

  // What there is of a process depends on the platform.
  it.runIf(process.platform === 'linux')('of the process are in a table of their own', () => {
    expectTable(
      page,
      'process metrics',
      metricsTable(families.filter((family) => !ofTaustat.includes(family))),
    );
  });

  it('that pages name exist', () => {
    const known = new Set(ofTaustat.map(({ name }) => name));
    const named = pages
      .filter((name) => name !== 'CHANGELOG.md')
      .flatMap((name) => read(name).match(/\btaustat_\w+\b(?!_)/g) ?? []);
    const asked = [...new Set(named)].filter((name) => !NO_METRICS.test(name));
    expect(asked.filter((name) => !known.has(name.replace(/_(bucket|sum|count)$/, '')))).toEqual([]);
    expect(asked.length).toBeGreaterThan(20);
  });
});

/** Inputs and outputs of instrumented models, and nodes of examples. */
const NO_METRICS = /^taustat_(tap_\w*|threshold|measure|histograms|taustat)$/;

it('every state is in concepts', () => {
  const rows = [...read('docs/concepts.md').matchAll(/^\| `([\w-]+)` \| [^|]+ \| [^|]+ \|$/gm)];
  expect(new Set(rows.map(([, name]) => name))).toEqual(new Set(STATE_NAMES));
});

const UNIT_NAMES = { '': '', '1': 'ratio', s: 'seconds', By: 'bytes' };

/** Metrics as a table, from the registry itself. */
function metricsTable(families: readonly MetricFamily[]): string {
  const rows = families.map(({ name, type, labels, help, present }) => {
    const own = labels.length === 0 ? '' : labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${UNIT_NAMES[unitOf(name)]} | ${own} | ${help.replaceAll('|', '\\|')} | ${present} |`;
  });
  return ['| metric | type | unit | labels | meaning | values |', '|---|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}

/** Expects a generated table in its place; with UPDATE_DOCS=1 it is written there. */
function expectTable(page: string, name: string, table: string): void {
  const block = new RegExp(`<!-- ${name} -->\\n[\\s\\S]*<!-- /${name} -->`);
  const expected = `<!-- ${name} -->\n${table}\n<!-- /${name} -->`;
  if (process.env.UPDATE_DOCS === '1')
    writeFileSync(
      resolve(ROOT, page),
      read(page).replace(block, () => expected),
    );
  expect(read(page)).toContain(expected);
}

/** The settings as a table, from the schema itself. */
function settingsTable(): string {
  const defaults = parseConfig({}) as Record<string, Record<string, unknown>>;
  const rows = settings().map(({ section, key, description }) => {
    const value = key === 'workers' ? 'cores − 1' : (defaults[section]?.[key] ?? '–');
    return `| \`${section}.${key}\` | ${value} | ${description} |`;
  });
  return ['| setting | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

/** The routes as a table, from the document that a server answers. */
function routesTable(): string {
  const rows = OPERATIONS.filter(({ path }) => !path.includes('{version}')).map(
    ({ method, path, summary, isControl }) =>
      `| \`${method.toUpperCase()} ${path}\` | ${summary}${isControl ? ' (control)' : ''} |`,
  );
  return ['| request | what it does |', '|---|---|', ...rows].join('\n');
}

it('routes are all in the API reference, as a server describes them', () => {
  expectTable('docs/api.md', 'routes', routesTable());
});

describe('settings', () => {
  it('are all in the table, as the schema has them', () => {
    expectTable('docs/configuration.md', 'settings', settingsTable());
  });

  it('have a sentence each', () => {
    expect(settings().length).toBeGreaterThan(Object.keys(ConfigSchema.shape).length);
    for (const { section, key, description } of settings())
      expect(`${section}.${key} ${description}`).toMatch(/ \S+ \S+/);
  });
});
