// What `npm pack` makes of this tree, installed from the registry into an empty project, serves under every Node that is
// supported: those of npm's own builds of Node.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BUNDLED_NAME } from '../src/config/bundled-model.ts';
import { loadNative } from '../src/runtime/local/native/load.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODEL = `/v2/models/${BUNDLED_NAME}`;
const IMAGE = { name: 'image', shape: [1, 1, 28, 28], datatype: 'FP32', data: new Array(784).fill(100) };
/** The oldest line that `engines` allows, and each that has long-term support. */
const NODES = [20, 22, 24] as const;
const THIS_NODE = Number.parseInt(process.versions.node, 10);
/** The package with Node's own binary for this machine. */
const BUILD_OF_NODE = `node-${process.platform}-${process.arch}`;
const INSTALL = ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'];

let folder: string;
let project: string;
let nodes: string;
let server: ChildProcess | undefined;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-install-'));
  project = emptyProject('project');
  nodes = emptyProject('nodes');
  // Its script would build dist/ again, which other tests run from.
  npm(ROOT, 'pack', '--ignore-scripts', '--silent', '--pack-destination', folder);
  const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  npm(project, ...INSTALL, join(folder, archive!));
  const builds = NODES.filter((major) => major !== THIS_NODE);
  npm(nodes, ...INSTALL, ...builds.map((major) => `node${major}@npm:${BUILD_OF_NODE}@${major}`));
});
afterEach(() => server?.kill('SIGKILL'));
afterAll(() => rmSync(folder, { recursive: true }));

function emptyProject(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
  return path;
}

function npm(cwd: string, ...args: string[]): void {
  execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
}

function binaryOf(major: number): string {
  return major === THIS_NODE ? process.execPath : join(nodes, 'node_modules', `node${major}`, 'bin', 'node');
}

/** The command of the package, in the empty project. */
function taustat(node: string, ...args: string[]): ChildProcess {
  const env = { ...process.env, XDG_STATE_HOME: join(project, 'state') };
  return spawn(node, [join('node_modules', '.bin', 'taustat'), ...args], { cwd: project, env });
}

async function told(child: ChildProcess, pattern: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout!) {
    text += chunk;
    const found = pattern.exec(text);
    if (found !== null) return found[1]!;
  }
  throw new Error(`ended without ${pattern}: ${text}`);
}

describe.each(NODES)('installed in an empty project, with Node %i', (major) => {
  it('serves, prunes on demand, is measured, and stops', async () => {
    server = taustat(binaryOf(major), 'serve', '--port', '0');
    const ended = once(server, 'exit');
    const url = await told(server, /"url":"([^"]+)"/);

    const infer = async (parameters: object) => {
      const body = JSON.stringify({ inputs: [IMAGE], parameters });
      return (await fetch(`${url}${MODEL}/infer`, { method: 'POST', body })).json();
    };
    const dense = (await infer({ pruning: 'off' })) as { outputs: { data: number[] }[] };
    expect(dense).toMatchObject({ model_name: BUNDLED_NAME, parameters: { threshold: 0 } });
    expect(dense.outputs[0]!.data).toHaveLength(10);

    const fixed = { method: 'PUT', body: JSON.stringify({ mode: 'fixed', threshold: 0.1 }) };
    const report = await (await fetch(`${url}${MODEL}/pruning`, fixed)).json();
    expect(report).toMatchObject({ mode: 'fixed', durable: true });
    expect(await (await fetch(`${url}${MODEL}/pruning`)).json()).toMatchObject({ mode: 'fixed' });

    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(new RegExp(`^taustat_build_info\\{.*node="v?${major}\\.`, 'm'));
    const kernels = /^taustat_model_info\{.*kernels="(\w+)"/m.exec(metrics)?.[1];
    if (loadNative().kind === 'loaded') expect(kernels).toMatch(/^(avx512|avx2|neon|portable)$/);
    expect((await fetch(`${url}/console/console.js`)).status).toBe(200);

    server.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });

  it('is a library', () => {
    const program = `
      import { createTaustat } from 'taustat';
      const taustat = await createTaustat();
      const { outputs } = await taustat.infer({ inputs: [{ name: 'image', elements: new Float32Array(784) }] });
      console.log(outputs[0].elements.length);
      await taustat.close();`;
    writeFileSync(join(project, 'library.js'), program);
    const text = execFileSync(binaryOf(major), ['library.js'], { cwd: project });
    expect(text.toString().trim().split('\n').at(-1)).toBe('10');
  });
});

it('makes no use of what only benchmarks need, unless one is run', async () => {
  rmSync(join(project, 'node_modules', 'autocannon'), { recursive: true });
  server = taustat(process.execPath, 'serve', '--port', '0');
  const url = await told(server, /"url":"([^"]+)"/);
  expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);
});
