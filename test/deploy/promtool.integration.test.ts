import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const FOLDER = new URL('../../deploy/prometheus/', import.meta.url);
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

// Without promtool this is skipped on a developer's machine, and fails where CI is set.
describe.skipIf(!hasPromtool && process.env.CI !== 'true')('promtool', () => {
  it.each([
    ['check', 'config', 'prometheus.yml'],
    ['check', 'rules', 'rules.yml'],
    ['test', 'rules', 'rules.test.yml'],
  ])('%s %s %s', (...command) => {
    const { status, stdout, stderr } = spawnSync('promtool', command, { cwd: FOLDER, encoding: 'utf8' });
    expect(`${stdout}${stderr}`).toMatch(/SUCCESS/);
    expect(status).toBe(0);
  });
});
