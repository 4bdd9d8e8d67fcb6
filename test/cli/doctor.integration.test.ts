import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { entryOf } from '../../bench/zoo/entries.mjs';
import { xorshift } from '../../src/drift/xorshift.ts';
import { encodeModel } from '../../src/onnx/model-file.ts';
import { model, node, tensor, value } from '../onnx/models.ts';
import { npy } from '../tools/inputs/npy-file.ts';
import { inProcess, taustat } from './command.ts';

const ROWS = 256;
const COLUMNS = 20;
/** The activations that the class depends on; the others say nothing. */
const TELLING = 4;

/** y = Relu(x) · w: two classes, told apart by small differences of the four smallest activations. */
function fragile() {
  const w = Array.from({ length: COLUMNS * 2 }, (_, i) => {
    const column = i >> 1;
    return column >= TELLING ? 0 : 1e6 * (column % 2 === i % 2 ? 1 : -1);
  });
  return model({
    nodes: [node('Relu', ['x'], 'r'), node('MatMul', ['r', 'w'], 'y')],
    inputs: [value('x', ['N', COLUMNS])],
    outputs: [value('y', ['N', 2])],
    initializers: [tensor('w', [COLUMNS, 2], w)],
  });
}

/** The telling activations are alike, so that a threshold takes all of them or none. */
function fragileRows(): Float32Array {
  const random = xorshift(7);
  return Float32Array.from({ length: ROWS * COLUMNS }, (_, i) =>
    i % COLUMNS < TELLING ? 0.01 * (1 + 1e-4 * random()) : Math.exp(2 * random() - 1),
  );
}

const MLP = entryOf('optical-digits-mlp');
const INPUTS = Object.values(MLP.inputs)[0]!;

it('tells what each site and size of request gains, as JSON and for people', async () => {
  const machine = await taustat('doctor', MLP.model, '--inputs', INPUTS, '--threshold', '0.1', '--json', '-');
  expect(machine.code).toBe(0);
  const diagnosis = JSON.parse(machine.stdout);
  expect(diagnosis).toMatchObject({ model: 'optical-digits-mlp', inputs: 'recorded', threshold: 0.1 });
  for (const { zeroRatio, sparsity, decision } of diagnosis.sites) {
    expect(zeroRatio).toBeGreaterThan(0);
    expect(sparsity).toBeGreaterThan(0);
    expect(['sparse', 'mask', 'none']).toContain(decision);
  }
  for (const { pays, speedup } of diagnosis.batches) {
    expect(speedup.low).toBeLessThanOrEqual(speedup.high);
    if (pays) expect(speedup.low).toBeGreaterThan(1);
  }
  const { low, ratio, high } = diagnosis.speedup;
  expect([low <= ratio, ratio <= high, low >= 1]).toEqual([true, true, true]);
  const people = await taustat('doctor', MLP.model, '--inputs', INPUTS, '--batch', '2');
  expect(people.stdout).toMatch(
    /^model +optical-digits-mlp, recorded inputs\nthreshold +\S+, the largest within the default objective\n/,
  );
  expect(people.stdout).toMatch(/\nadvice +(serve it: by default|serve it plain)/);
});

it('judges no threshold where every candidate loses too much, whatever the critical point is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'taustat-doctor-'));
  const [path, inputs] = [join(folder, 'fragile.onnx'), join(folder, 'x.npy')];
  await writeFile(path, encodeModel(fragile()));
  await writeFile(inputs, npy('<f4', [ROWS, COLUMNS], fragileRows()));
  const machine = await taustat('doctor', path, '--inputs', inputs, '--batch', '1', '--json', '-');
  const { threshold, judged, sites } = JSON.parse(machine.stdout);
  expect([threshold, judged, sites[0].sparsity]).toEqual([0, 'objective', 0]);
  const people = await taustat('doctor', path, '--inputs', inputs, '--batch', '1');
  expect(people.stdout).toMatch(/\nthreshold +none within the objective: exact zeros only\n/);
});

it('takes random inputs where none are given, and says so', async () => {
  const { stdout } = await taustat('doctor', MLP.model, '--batch', '1', '--json', '-');
  expect(JSON.parse(stdout)).toMatchObject({ inputs: 'random', batches: { length: expect.any(Number) } });
});

it.each([
  [['--batch', '0'], /batch 0: expected whole numbers from 1/],
  [['--kernels', 'neon8'], /kernels/],
  [['/nowhere.onnx'], /FILE_NOT_FOUND/],
])('refuses %j', async (args, message) => {
  const { code, stderr } = await inProcess('doctor', ...args);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(message);
});
