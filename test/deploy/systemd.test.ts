import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { fromEnvironment } from '../../src/config/sources.ts';
import { read, STATE_FOLDER } from './files.ts';

const unit = read('deploy/systemd/taustat.service');
const settingOf = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1];
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
/** Of 10: 9.6 is what a unit has without any hardening. */
const MOST_EXPOSED = 2;

/** What systemd says of the unit, with the Node of this machine in place of that of the unit. */
function analyzed(...args: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'taustat-systemd-'));
  try {
    const file = join(folder, 'taustat.service');
    writeFileSync(file, unit.replace('/usr/bin/node', process.execPath));
    return spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the unit of systemd', () => {
  it('keeps state where systemd lets it, and sets what are settings', () => {
    const state = `/var/lib/${settingOf('StateDirectory')}`;
    const pairs = settingOf('Environment')!
      .split(' ')
      .map((pair) => pair.replace('%S', '/var/lib').split('=') as [string, string])
      .filter(([name]) => name.startsWith('TAUSTAT_'));
    const { store } = parseConfig(fromEnvironment(Object.fromEntries(pairs)));
    expect([store.folder, state]).toEqual([STATE_FOLDER, STATE_FOLDER]);
  });

  it('gives requests under way their time', () => {
    expect(Number(settingOf('TimeoutStopSec'))).toBeGreaterThan(parseConfig({}).server.drainSeconds + 5);
    expect(settingOf('KillMode')).toBe('mixed');
  });

  it('lets V8 compile', () => {
    expect(settingOf('MemoryDenyWriteExecute')).toBeUndefined();
  });

  it.skipIf(!hasSystemd)('is one that systemd understands, key by key', () => {
    const { status, stderr } = analyzed('verify');
    expect(stderr.split('\n').filter((line) => line.includes('taustat'))).toEqual([]);
    expect(status).toBe(0);
  });

  it.skipIf(!hasSystemd)(`is exposed to at most ${MOST_EXPOSED} of 10 by its measure`, () => {
    const { status, stdout } = analyzed('security', '--offline=true', `--threshold=${10 * MOST_EXPOSED}`);
    expect(stdout).toContain('Overall exposure level for taustat.service');
    expect(status).toBe(0);
  });
});
