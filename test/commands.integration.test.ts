// Every command of README.md and CONTRIBUTING.md that no other test runs ends well, with the least that it can be asked.
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ENTRIES, isFirstSeed } from '../bench/zoo/entries.mjs';
import { start } from './cli/command.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'taustat-commands-'));
afterAll(() => rmSync(FOLDER, { recursive: true }));

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  scripts: Record<string, string>;
};

/** The file that an npm script runs with Node. */
function fileOf(script: string): string {
  return /node (\S+)/.exec(scripts[script] ?? '')?.[1] ?? '';
}

interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly says: RegExp;
}

const COMMANDS: readonly Command[] = [
  { file: fileOf('bench:micro'), args: ['--milliseconds', '1'], says: /F on the log grid/ },
  { file: fileOf('bench:codecs'), args: ['--floats', '1000', '--rounds', '1'], says: /encode binary/ },
  { file: fileOf('bench:large'), args: ['--megabytes', '0.5', '--rounds', '1'], says: /inline +event loop/ },
  { file: fileOf('bench:control'), args: ['--list'], says: /no-feature +a model whose/ },
  {
    file: fileOf('bench:learning'),
    args: ['optical-digits-mlp', '--seeds', '1', '--loads', '0.1', '--requests', '2000'],
    says: /\| load 0\.1 \|/,
  },
  { file: fileOf('zoo'), args: ['verify', 'optical-digits-mlp'], says: /^ok {3}optical-digits-mlp/ },
  {
    file: 'bench/drift-run-length.mjs',
    args: ['--references', '2', '--lengths', '1000', '--delays', '1', '--only', 'one site'],
    says: /\| one site \| 1,000 \|/,
  },
  { file: 'bench/drift-reference.mjs', args: ['--rounds', '1'], says: /\| 35 \| background \|/ },
];

describe('the commands of README and CONTRIBUTING', () => {
  it.each(COMMANDS)('$file $args', async ({ file, args, says }) => {
    const { code, stdout, stderr } = await start(file, args).outcome;
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(says);
  });

  it('npx taustat may run what was built in a clone', () => {
    accessSync(new URL('../dist/cli.js', import.meta.url), constants.X_OK);
  });

  it('bench:control measures one scenario of one recording', async () => {
    const [name, file] = ['earliest-optical-digits-mlp', join(FOLDER, 'control.json')];
    const { code, stderr } = await start(fileOf('bench:control'), [name, '--seeds', '1', '--json', file])
      .outcome;
    expect(code, stderr).toBe(0);
    const { scenarios, claims } = JSON.parse(readFileSync(file, 'utf8'));
    expect(scenarios).toMatchObject([{ name, ok: true }]);
    for (const claim of claims)
      expect(claim).toMatchObject({ text: expect.any(String), figures: expect.any(String) });
  });

  it('zoo:report measures one row and keeps the others', async () => {
    const row = 'optical-digits-mlp-seed2';
    const { code, stderr } = await start(fileOf('zoo:report'), [row, '--to', FOLDER]).outcome;
    expect(code, stderr).toBe(0);
    const { rows, seeds } = JSON.parse(readFileSync(join(FOLDER, 'paper-reproduction.json'), 'utf8'));
    expect(rows).toHaveLength(ENTRIES.filter(isFirstSeed).length);
    expect(seeds.find(({ name }: { name: string }) => name === row).seconds).toBeGreaterThan(0);
    expect(readFileSync(join(FOLDER, 'paper-reproduction.md'), 'utf8')).toContain(`# The paper, reproduced`);
  });

  it.each(['bench:micro', 'bench:codecs', 'bench:large', 'bench:control', 'bench:learning', 'zoo:report'])(
    '%s --help says how to make it short',
    async (script) => {
      const { code, stdout } = await start(fileOf(script), ['--help']).outcome;
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^usage: npm run ${script} `));
    },
  );

  it('docs/picture.mjs draws a frame of the demo', async () => {
    const file = join(FOLDER, 'demo.svg');
    const { code, stderr } = await start('docs/picture.mjs', ['3', file]).outcome;
    expect(code, stderr).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain('taustat');
  });
});
