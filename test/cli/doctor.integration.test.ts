import { expect, it } from 'vitest';
import { entryOf } from '../../bench/zoo/entries.mjs';
import { inProcess, taustat } from './command.ts';

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
  expect(people.stdout).toMatch(/\nadvice +(set runtime\.gates: auto|serve it plain)/);
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
