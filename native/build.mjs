/**
 * Compiles the kernels, operators and the addon into `dist/native/taustat-<platform>-<arch>.node`.
 *
 * Nothing is done if neither a source nor the compiler has changed since. Without a compiler, the file that came with the
 * package is used; where there is none for this platform, one line says so: taustat then runs dense.
 *
 *   node native/build.mjs [--force]
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonSources, compile, compiler, kernelSources, link, SHARED } from './toolchain.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '..', 'dist', 'native', `taustat-${process.platform}-${process.arch}.node`);

/** Changes with every source, header and flag. */
function sourcePrint() {
  const hash = createHash('sha256');
  /** @param {string} folder */
  const add = (folder) => {
    const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) add(path);
      else if (/\.(cc|h|mjs)$/.test(entry.name)) hash.update(entry.name).update(readFileSync(path));
    }
  };
  add(here);
  return hash.digest('hex');
}

/** @param {string} cxx */
function compilerPrint(cxx) {
  return createHash('sha256')
    .update(execFileSync(cxx, ['--version']))
    .digest('hex');
}

/** @param {string} cxx */
async function build(cxx) {
  const folder = mkdtempSync(join(tmpdir(), 'taustat-native-'));
  try {
    const sources = [...kernelSources(process.arch), ...addonSources()];
    mkdirSync(dirname(target), { recursive: true });
    const made = join(folder, 'taustat.node');
    const objects = await compile(cxx, sources, { folder, flags: ['-O3'] });
    await link(cxx, objects, made, [...SHARED, ...(process.platform === 'darwin' ? [] : ['-s'])]);
    // A process that has the old file open keeps it.
    const beside = `${target}.${process.pid}`;
    writeFileSync(beside, readFileSync(made), { mode: 0o755 });
    renameSync(beside, target);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const cxx = process.platform === 'win32' ? undefined : compiler();
const mark = `${target}.sha256`;
const print = sourcePrint();
const [builtFrom, builtWith] =
  existsSync(target) && existsSync(mark) ? readFileSync(mark, 'utf8').split(' ') : [];
if (cxx === undefined) {
  const lacking = builtFrom === undefined ? 'models run dense' : 'the file of older sources is used';
  if (builtFrom !== print)
    console.log(
      `native: no C++ compiler found, so ${lacking}; install one (Debian: apt-get install g++) and build again`,
    );
} else {
  const isFresh = builtFrom === print && builtWith === compilerPrint(cxx);
  if (!isFresh || process.argv.includes('--force')) {
    const begun = performance.now();
    try {
      await build(cxx);
      writeFileSync(mark, `${print} ${compilerPrint(cxx)}`);
      console.log(`native: compiled with ${cxx} in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
    } catch (error) {
      const isOfSources = builtFrom === print;
      if (!isOfSources) rmSync(target, { force: true });
      const { stderr, message } = /** @type {{ stderr?: string, message: string }} */ (error);
      const why = (stderr || message).split('\n').slice(0, 8).join('\n');
      const result = isOfSources ? 'the file that is there stays' : 'models run dense';
      console.log(`native: ${cxx} failed, so ${result}: ${why}`);
    }
  }
}
