import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bundledModel } from '../../src/config/bundled-model.ts';
import { inProcess, taustat } from './command.ts';

const MODEL = bundledModel('model.onnx');
const INPUTS = bundledModel('inputs.npy');
const QUICK = ['--limit', '160'];

it('prints a summary, and with --json - nothing but JSON', async () => {
  const people = await taustat('analyze', ...QUICK);
  expect(people.code).toBe(0);
  expect(people.stdout).toMatch(/^model +fashion-mnist-vgg, 160 rows\n/);
  expect(people.stdout).toMatch(/critical threshold τ\* +0\.\d+ \(maximum of F\)/);
  expect(people.stdout).toMatch(/accuracy, dense +9\d\.\d %/);
  expect(people.stderr).toBe('');
  const machine = await taustat('analyze', MODEL, '--inputs', INPUTS, '--json', '-', ...QUICK);
  const { critical, answers, full, loss, measure, objective } = JSON.parse(machine.stdout);
  const { threshold, sparsity } = objective.within;
  expect(loss).toEqual({
    measure: measure.measure,
    atCritical: objective.critical.loss,
    largestWithinObjective: { threshold, sparsity },
  });
  expect(people.stdout).toContain(String(Number(critical.threshold.toPrecision(4))));
  expect(answers.criticalAgreement).toBeGreaterThan(0.9);
  expect(answers.denseAccuracy).toBeUndefined();
  expect(full).toBeUndefined();
});

it('sorts thresholds, and writes JSON and a page', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'taustat-analyze-'));
  const [json, html] = [join(folder, 'a.json'), join(folder, 'a.html')];
  const files = ['--json', json, '--html', html];
  const { code } = await taustat('analyze', '--full', '--thresholds', '.5,0.1', ...files, ...QUICK);
  expect(code).toBe(0);
  const analysis = JSON.parse(await readFile(json, 'utf8'));
  expect(analysis.thresholds).toEqual([0.1, 0.5]);
  expect(analysis.full.accuracy).toHaveLength(2);
  expect((await readFile(html, 'utf8')).match(/<svg class="plot"/g)).toHaveLength(6);
});

it.each([
  [['--inputs', '/nowhere.npy'], 2, /^taustat: FILE_NOT_FOUND: '\/nowhere.npy' cannot be read/],
  [['--inputs', 'y=/nowhere.npy'], 1, /^taustat: INVALID_REQUEST: .*expected name=x.npy with one of 'image'/],
  [
    ['--inputs', 'x.npy', '--inputs', 'image=y.npy'],
    1,
    /^taustat: INVALID_REQUEST: --inputs 'image=y.npy': input 'image' is given twice/,
  ],
  [[], 1, /^taustat: INVALID_REQUEST: no inputs: give --inputs x.npy for 'image'/],
  [['--inputs', INPUTS, '--labels', INPUTS], 1, /^taustat: INVALID_REQUEST: labels/],
  [['--thresholds', '0.1,x'], 2, /'0.1,x' is invalid. expected a number/],
  [['--thresholds', '-1'], 2, /expected positive numbers/],
  [['--batch', '0'], 2, /expected a whole number from 1/],
  [['--rule', 'best'], 2, /Allowed choices are significant, paper/],
  [['--bogus'], 2, /unknown option '--bogus'/],
])('says what is wrong with %j', async (args, code, message) => {
  const outcome = await inProcess('analyze', MODEL, ...args);
  expect(outcome.stderr).toMatch(message);
  expect(outcome.code).toBe(code);
});
