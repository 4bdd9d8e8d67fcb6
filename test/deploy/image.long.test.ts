// The stages of deploy/Dockerfile, in folders of this machine: what they copy is enough to build the server, and to run it.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../src/runtime/local/native/load.ts';
import { type Running, start } from '../cli/command.ts';
import { environment, healthCommand, type Stage, stages } from './dockerfile.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const all = stages();
const image = all.at(-1)!;

interface Bill {
  readonly bomFormat: string;
  readonly components: readonly { readonly group?: string; readonly name: string; readonly purl: string }[];
}

let folder: string;
let server: Running | undefined;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-image-'));
  for (const stage of all) make(stage);
});
afterAll(() => {
  server?.child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** The /app of a stage. Dependencies are those of this checkout; commands that change the system are left out. */
function make({ name, base, instructions }: Stage): void {
  const app = join(folder, name);
  if (all.some((stage) => stage.name === base)) cpSync(join(folder, base), app, { recursive: true });
  else mkdirSync(app);
  for (const { op, text } of instructions) {
    if (op === 'COPY') copy(text, app);
    if (op !== 'RUN') continue;
    if (text.startsWith('npm ci')) symlinkSync(join(ROOT, 'node_modules'), join(app, 'node_modules'));
    else if (text === 'npm run build') build(app);
    else if (text === 'npm run sbom') execFileSync('npm', ['run', 'sbom'], { cwd: app, stdio: 'ignore' });
  }
}

function copy(text: string, app: string): void {
  const [, from, paths] = /^(?:--from=(\S+) )?(.*)$/.exec(text)!;
  const places = paths!.split(' ');
  const to = join(app, places.pop()!);
  const source = (path: string) =>
    from === undefined ? join(ROOT, path) : join(folder, from, path.replace(/^\/app\//, ''));
  for (const path of places) {
    const isFolder = places.length > 1 || text.endsWith('./');
    const target = isFolder ? join(to, path.split('/').at(-1)!) : to;
    mkdirSync(dirname(target), { recursive: true });
    cpSync(source(path), target, { recursive: true });
  }
}

/** With the operators that are built here: they are built anew unless every source of theirs was copied. */
function build(app: string): void {
  mkdirSync(join(app, 'dist'));
  cpSync(join(ROOT, 'dist', 'native'), join(app, 'dist', 'native'), { recursive: true });
  const output = execFileSync('npm', ['run', 'build'], {
    cwd: app,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  expect(output).not.toContain('native:');
}

const hasKernels = loadNative().kind === 'loaded';

describe.skipIf(!hasKernels && process.env.CI === undefined)('the image', () => {
  it('serves with the settings of the image, over HTTP and gRPC, with operators that skip zeros', async () => {
    const variables = environment(image);
    const script = join(folder, image.name, 'dist', 'cli.js');
    server = start(script, ['serve', '--port', '0', '--host', '127.0.0.1', '--grpc-port', '0'], {
      ...variables,
      TAUSTAT_STORE_FOLDER: join(folder, 'state'),
    });
    const url = await server.saying(/"url":"([^"]+)"/);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^taustat_model_info\{.*kernels="(avx512|avx2|neon|portable)"/m);
    expect((await fetch(`${url}/`)).status).toBe(200);

    const [program, ...args] = healthCommand(image);
    const check = async (port: string) => {
      const child = spawn(program!, args, { env: { ...process.env, TAUSTAT_SERVER_PORT: port } });
      return ((await once(child, 'exit')) as [number])[0];
    };
    const { port } = new URL(url);
    expect(await check(port)).toBe(0);
    server.child.kill('SIGTERM');
    expect((await server.outcome).code).toBe(0);
    expect(await check(port)).toBe(1);
  });

  it('has a list of what is in it', () => {
    const file = join(folder, image.name, 'sbom.cdx.json');
    const { bomFormat, components } = JSON.parse(readFileSync(file, 'utf8')) as Bill;
    expect(bomFormat).toBe('CycloneDX');
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const names = components.map(({ group, name }) => (group === undefined ? name : `${group}/${name}`));
    expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies)));
    expect(names).not.toContain('typescript');
    for (const { purl } of components) expect(purl).toMatch(/^pkg:npm\/.+@\d/);
  });
});
