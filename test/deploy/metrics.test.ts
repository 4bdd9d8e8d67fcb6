import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { dashboard, queries, read, recorded } from './queries.ts';

const NAME = /\b(?:taustat|nodejs|process)[a-z0-9_:]*\b(?=\{|\[|\s|\)|$)/g;

/** Names and labels of everything that is exported, with the suffixes of histograms. */
async function exported(): Promise<Map<string, ReadonlySet<string>>> {
  const metrics = new Metrics();
  const { body } = await metrics.expose(undefined);
  const names = new Map<string, ReadonlySet<string>>();
  for (const [, name, type] of body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const field = Object.values(metrics).find((m) => (m as { name?: string }).name === name) as
      | { labelNames: string[] }
      | undefined;
    const labels = new Set([...(field?.labelNames ?? []), 'instance', 'job']);
    const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const suffix of suffixes)
      names.set(name + suffix, suffix === '_bucket' ? new Set([...labels, 'le']) : labels);
  }
  return names;
}

describe('dashboard and rules', () => {
  it.each(queries)('%s names metrics and labels that exist: %s', async (_, expr) => {
    const names = await exported();
    const used = expr.match(NAME) ?? [];
    expect(used.length).toBeGreaterThan(0);
    for (const name of used) {
      if (recorded.has(name)) continue;
      expect([...names.keys()]).toContain(name);
      const selector = new RegExp(`${name}\\{([^}]*)\\}`).exec(expr)?.[1] ?? '';
      for (const [, label] of selector.matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g))
        expect(names.get(name)).toContain(label);
    }
  });

  it('has a sentence for every panel, and no two panels of one name in a row of it', () => {
    for (const { title, type, description } of dashboard.panels) {
      if (type !== 'row') expect(description, title).toMatch(/\.$/);
    }
  });

  it('shows every metric of taustat', async () => {
    const shown = queries.map(([, expr]) => expr).join('\n');
    const { body } = await new Metrics().expose(undefined);
    for (const [, name] of body.matchAll(/^# TYPE (taustat_\S+) /gm)) expect(shown).toContain(name);
  });
});

describe('deploy/', () => {
  it('holds YAML that parses', () => {
    const files = readdirSync(new URL('../../deploy', import.meta.url), {
      recursive: true,
      encoding: 'utf8',
    });
    const yaml = files.filter((file) => /\.ya?ml$/.test(file));
    expect(yaml.length).toBeGreaterThanOrEqual(7);
    for (const file of yaml) {
      for (const document of parseAllDocuments(read(`deploy/${file}`))) expect(document.errors).toEqual([]);
    }
  });

  it('runs the container as a user without privileges, with everything that the package needs', () => {
    const dockerfile = read('deploy/Dockerfile');
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile.indexOf('USER node')).toBeLessThan(dockerfile.indexOf('ENTRYPOINT'));
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    for (const folder of ['dist', 'console', 'models']) {
      expect(files).toContain(folder);
      expect(dockerfile).toContain(`./${folder}`);
    }
  });
});
