// `npm run zoo -- train NAME [--seed N]`, `npm run zoo -- list`, `npm run zoo -- verify [NAME …]`.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const PYTHON = process.env.PYTHON ?? '/usr/bin/python3';
const [command = '', ...rest] = process.argv.slice(2);
const commands = new Map([
  ['train', [PYTHON, at('train/train.py'), ...rest]],
  ['list', [PYTHON, at('train/train.py'), '--list']],
  ['verify', [process.execPath, at('verify.mjs'), ...rest]],
]);
const [program, ...args] = commands.get(command) ?? [];
if (program === undefined) {
  console.error('usage: npm run zoo -- train NAME [--seed N] | list | verify [NAME …]');
  process.exit(1);
}
const { status } = spawnSync(program, args, {
  stdio: 'inherit',
  env: { OPENBLAS_NUM_THREADS: '1', ...process.env },
});
process.exit(status ?? 1);
