import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { fromEnvironment } from '../../src/config/sources.ts';
import { environment, healthCommand, stages, texts } from './dockerfile.ts';
import { read, STATE_FOLDER } from './files.ts';

const all = stages();
const image = all.at(-1)!;

describe('the image', () => {
  it('runs without privileges, by a number that Kubernetes can tell from root', () => {
    const [user] = texts(image, 'USER');
    expect(user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    const order = image.instructions.map(({ op }) => op);
    expect(order.indexOf('USER')).toBeGreaterThan(order.lastIndexOf('COPY'));
    expect(order.slice(order.indexOf('USER'))).not.toContain('RUN');
  });

  it('keeps state in a folder that its user owns', () => {
    const { store } = parseConfig(fromEnvironment(taustatOnly(environment(image))));
    expect(store.folder).toBe(STATE_FOLDER);
    const [uid, gid] = texts(image, 'USER')[0]!.split(':');
    expect(texts(image, 'RUN')).toContain(`install -d -o ${uid} -g ${gid} -m 700 ${STATE_FOLDER}`);
  });

  it('listens to everybody, on the port that it exposes and checks', () => {
    const config = parseConfig(fromEnvironment(taustatOnly(environment(image))));
    expect(config.server.host).toBe('0.0.0.0');
    expect(texts(image, 'EXPOSE')).toEqual([String(config.server.port)]);
    expect(healthCommand(image).join(' ')).toContain('/v2/health/ready');
    expect(texts(image, 'STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(texts(image, 'ENTRYPOINT')).toEqual(['["node", "/app/dist/cli.js"]']);
  });

  it('holds what the package needs at run time, and no development dependency', () => {
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    const copied = texts(image, 'COPY').map((text) => text.split(' ').at(-1)!);
    for (const folder of ['dist', 'console', 'models', 'proto']) {
      expect(files).toContain(folder);
      expect(copied).toContain(`./${folder}`);
    }
    expect(texts(image, 'COPY')).toContain('--from=dependencies /app/node_modules ./node_modules');
    const dependencies = all.find(({ name }) => name === 'dependencies')!;
    expect(texts(dependencies, 'RUN')[0]).toMatch(/^npm ci --omit=dev /);
  });

  it('is of a Node with long-term support, and says so and which version it holds', () => {
    const [major] = /(?<=^ARG NODE_IMAGE=node:)\d+(?=-slim$)/m.exec(read('deploy/Dockerfile')) ?? [];
    expect([22, 24]).toContain(Number(major));
    const { version, license } = JSON.parse(read('package.json')) as { version: string; license: string };
    expect(texts(image, 'ARG')).toContain(`VERSION=${version}`);
    const [labels] = texts(image, 'LABEL');
    expect(labels).toContain(`org.opencontainers.image.licenses=${license}`);
    for (const name of ['title', 'description', 'version', 'revision'])
      expect(labels).toContain(`org.opencontainers.image.${name}=`);
  });

  it('keeps the native library of its own architecture alone', () => {
    const remove = texts(all.find(({ name }) => name === 'dependencies')!, 'RUN').find((text) =>
      text.startsWith('find '),
    )!;
    const folder = mkdtempSync(join(tmpdir(), 'taustat-image-'));
    const bin = join(folder, 'node_modules/onnxruntime-node/bin');
    const installed = fileURLToPath(new URL('../../node_modules/onnxruntime-node/bin', import.meta.url));
    // Folders as those of the package, without what is in them.
    for (const path of readdirSync(installed, { recursive: true, encoding: 'utf8' }))
      if (statSync(join(installed, path)).isDirectory()) mkdirSync(join(bin, path), { recursive: true });
    execFileSync('bash', ['-c', remove], { cwd: folder });
    const left = readdirSync(bin, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /\/.*\//.test(path),
    );
    rmSync(folder, { recursive: true });
    expect(left).toEqual([`napi-v6/linux/${process.arch}`]);
  });

  it('never installs without telling onnxruntime-node to keep to the registry', () => {
    const told = new Set<string>();
    for (const stage of all) {
      if (environment(stage).ONNXRUNTIME_NODE_INSTALL === 'skip' || told.has(stage.base))
        told.add(stage.name);
      if (texts(stage, 'RUN').some((text) => text.includes('npm ci')))
        expect([...told]).toContain(stage.name);
    }
    expect(told.size).toBeGreaterThan(1);
  });

  it('is built, like every checkout, without the scripts of its dependencies', () => {
    expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m);
    for (const stage of all.filter((one) => texts(one, 'RUN').some((text) => text.includes('npm ci'))))
      expect(texts(all.find(({ name }) => name === stage.base) ?? stage, 'COPY').join()).toContain('.npmrc');
  });

  it('copies what is in the repository and let through by .dockerignore', () => {
    const [everything, ...allowed] = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(everything).toBe('*');
    const copied = all.flatMap((stage) =>
      texts(stage, 'COPY')
        .filter((text) => !text.startsWith('--from='))
        .flatMap((text) => text.split(' ').slice(0, -1)),
    );
    expect(copied.map((path) => `!${path}`).sort()).toEqual(expect.arrayContaining([...allowed].sort()));
    for (const path of copied) {
      expect(allowed).toContain(`!${path}`);
      expect(existsSync(new URL(`../../${path}`, import.meta.url)), path).toBe(true);
    }
  });
});

function taustatOnly(variables: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith('TAUSTAT_')));
}
