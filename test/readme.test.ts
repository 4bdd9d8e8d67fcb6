import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigSchema, parseConfig } from '../src/config/schema.ts';
import { settings } from '../src/config/sources.ts';

const README = new URL('../README.md', import.meta.url);

/** The settings as a table, from the schema itself. */
function settingsTable(): string {
  const defaults = parseConfig({}) as Record<string, Record<string, unknown>>;
  const rows = settings().map(({ section, key, description }) => {
    const value = key === 'workers' ? 'cores − 1' : (defaults[section]?.[key] ?? '–');
    return `| \`${section}.${key}\` | ${value} | ${description} |`;
  });
  return ['| setting | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

describe('README', () => {
  it('lists every setting as the schema has it', () => {
    const text = readFileSync(README, 'utf8');
    const block = /<!-- settings -->\n[\s\S]*<!-- \/settings -->/;
    const expected = `<!-- settings -->\n${settingsTable()}\n<!-- /settings -->`;
    if (process.env.UPDATE_README === '1') writeFileSync(README, text.replace(block, expected));
    expect(readFileSync(README, 'utf8')).toContain(expected);
  });

  it('leaves no setting without a sentence', () => {
    expect(settings().length).toBeGreaterThan(Object.keys(ConfigSchema.shape).length);
    for (const { section, key, description } of settings())
      expect(`${section}.${key} ${description}`).toMatch(/ \S+ \S+/);
  });
});
