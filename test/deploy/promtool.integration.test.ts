import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dashboardQueries } from './files.ts';

const FOLDER = new URL('../../deploy/prometheus/', import.meta.url);
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

function promtool(...command: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync('promtool', command, { cwd: FOLDER, encoding: 'utf8' });
  return { status, output: error?.message ?? `${stdout}${stderr}` };
}

// A developer's machine may have no promtool. Where CI is set it has to be there: then its absence fails.
describe.runIf(hasPromtool || process.env.CI === 'true')('promtool', () => {
  it.each([
    ['check', 'config', 'prometheus.yml'],
    ['check', 'rules', 'rules.yml'],
    ['test', 'rules', 'rules.test.yml'],
  ])('%s %s %s', (...command) => {
    const { status, output } = promtool(...command);
    expect(output).toMatch(/SUCCESS/);
    expect(output).not.toMatch(/FAILED/);
    expect(status).toBe(0);
  });

  it('reads every query of the dashboard', () => {
    const folder = mkdtempSync(join(tmpdir(), 'taustat-dashboard-'));
    try {
      const rules = dashboardQueries.map(([, expr], i) => ({
        record: `query:${i}`,
        expr: interpolated(expr),
      }));
      const file = join(folder, 'queries.yml');
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
      const { status, output } = promtool('check', 'rules', file);
      expect(output).toMatch(new RegExp(`SUCCESS: ${dashboardQueries.length} rules found`));
      expect(status).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** An expression with values in place of the dashboard's variables. */
function interpolated(expr: string): string {
  return expr.replaceAll('$__rate_interval', '1m').replaceAll('$floor', '0.95').replace(/\$\w+/g, 'any');
}
