// A model that was written for others answers, run as they run it, as the gated model does here.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entryOf } from '../../../bench/zoo/entries.mjs';
import { compiler } from '../../../native/toolchain.mjs';
import { instrument } from '../../../src/onnx/instrument.ts';
import { findKernels } from '../../../src/runtime/local/kernels.ts';
import { histogramsOf } from '../../../src/runtime/local/native/histogram-output.ts';
import { OrtSession } from '../../../src/runtime/local/ort-session.ts';
import { thresholdInput } from '../../../src/runtime/local/session.ts';
import { type TargetOptions, writeTarget } from '../../../src/tools/export/targets.ts';
import { inProcess } from '../../cli/command.ts';
import { bytesOf, type FloatTensor } from '../../native/opened.ts';
import { type RegisterProgram, registerProgram } from '../../native/registered.ts';
import { randomOf } from '../../native/sparse-law.ts';
import { value } from '../../onnx/models.ts';
import { WIDTHS, wideMlp } from '../../wide-mlp.ts';
import { readTextFormat } from './text-format.ts';

const ROWS = 5;
const TAU = 0.3;
/** Nothing skips the zeros of the second site: what reads it is narrow. */
const PRUNED = [TAU, 0];
/** Of answers about as large as 1. */
const ROUNDING = 1e-5;

const kernels = await findKernels('auto');
const canRun = typeof kernels !== 'object' && compiler() !== undefined;

describe.skipIf(!canRun && process.env.CI === undefined)('a model for other servers', () => {
  let folder: string;
  let source: string;
  let program: RegisterProgram;
  const random = randomOf(3);
  const x = Float32Array.from({ length: ROWS * WIDTHS[0] }, () => random() - 0.5);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'taustat-target-'));
    source = join(folder, 'mlp.onnx');
    writeFileSync(source, bytesOf(wideMlp(random)));
    program = registerProgram();
  });
  afterAll(() => {
    program.remove();
    rmSync(folder, { recursive: true });
  });

  const options = (to: string, more: Partial<TargetOptions> = {}): TargetOptions => ({
    target: 'onnxruntime',
    model: source,
    folder: join(folder, to),
    sites: { scheme: 'activations' },
    threshold: TAU,
    ...more,
  });
  const input: FloatTensor = { name: 'x', shape: [ROWS, WIDTHS[0]], values: x };
  const answers = (path: string, library: string, more: readonly FloatTensor[] = [], output = 'y') =>
    program.run({ model: path, library, inputs: [input, ...more], output });
  const gatedAnswers = async (at: readonly number[]): Promise<Float32Array> => {
    const gated = instrument(readFileSync(source), { taps: false }).bytes;
    const session = await OrtSession.open(gated, { intraOpThreads: 1 });
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [ROWS, WIDTHS[0]], elements: x } as const];
    const thresholds = thresholdInput(Float32Array.from(at));
    const [y] = await session.run([...inputs, thresholds], ['y']);
    await session.release();
    return y!.elements as Float32Array;
  };

  it('is pruned at τ where a run sends no thresholds: ONNX Runtime, with its operators beside it', async () => {
    const { files, layers } = await writeTarget(options('ort'));
    expect(files).toEqual(['model.onnx', expect.stringMatching(/^libtaustat\./), 'README.md']);
    expect(layers.map(({ name, reason }) => [name, reason])).toEqual([
      ['first', 'what it reads is not gated and has no zeros of a ReLU'],
      ['second', undefined],
      ['third', 'narrower than 64'],
    ]);
    const [written, library] = files.map((file) => join(folder, 'ort', file));
    const expected = await gatedAnswers(PRUNED);
    const got = answers(written!, library!);
    expect(got).toHaveLength(expected.length);
    expect(farthest(got, expected)).toBeLessThan(ROUNDING);
    expect(farthest(got, await gatedAnswers([0, 0]))).toBeGreaterThan(100 * ROUNDING);
    const readme = readFileSync(join(folder, 'ort', 'README.md'), 'utf8');
    expect(readme).toContain('options.register_custom_ops_library("./libtaustat.');
    expect(readme).toContain('feeds = {"x": x}');
  });

  it('is an entry of a model repository of Triton', async () => {
    await writeTarget(options('models', { target: 'triton', name: 'pruned', servedFrom: '/models' }));
    const entry = join(folder, 'models', 'pruned');
    const [library] = readdirSync(entry).filter((file) => file.startsWith('libtaustat.'));
    expect(readdirSync(entry).sort()).toEqual(['1', 'config.pbtxt', library, 'taustat.json']);
    const config = readTextFormat(readFileSync(join(entry, 'config.pbtxt'), 'utf8'));
    expect(config).toMatchObject({
      name: ['pruned'],
      max_batch_size: [64],
      dynamic_batching: [{}],
      input: [
        { name: ['x'], dims: [WIDTHS[0]] },
        { name: ['taustat_threshold'], data_type: ['TYPE_FP32'], dims: [1], optional: [true] },
        { name: ['taustat_measure'], data_type: ['TYPE_FP32'], dims: [1], optional: [true] },
      ],
      output: [
        { name: ['y'], dims: [WIDTHS[3]] },
        { name: ['taustat_histograms'], data_type: ['TYPE_FP64'], dims: [-1] },
      ],
      model_operations: [{ op_library_filename: [`/models/pruned/${library}`] }],
    });
    const got = answers(join(entry, '1', 'model.onnx'), join(entry, library!));
    expect(farthest(got, await gatedAnswers(PRUNED))).toBeLessThan(ROUNDING);
    const told = JSON.parse(readFileSync(join(entry, 'taustat.json'), 'utf8'));
    expect(told.sites).toEqual([expect.objectContaining({ op: 'Relu' })]);
    expect(told.skipped.map(({ reason }: { reason: string }) => reason)).toContain(
      'no layer skips its zeros',
    );
  });

  it('answers rows of several requests in one run, each at its thresholds, and bins those that are asked about', async () => {
    await writeTarget(options('rows', { target: 'triton', name: 'pruned' }));
    const entry = join(folder, 'rows', 'pruned');
    const library = readdirSync(entry).find((file) => file.startsWith('libtaustat.'))!;
    const run = (output: string, taus: readonly number[], measured: readonly number[] = []) =>
      answers(
        join(entry, '1', 'model.onnx'),
        join(entry, library),
        [
          { name: 'taustat_threshold', shape: [ROWS, 1], values: Float32Array.from(taus) },
          ...(measured.length === 0
            ? []
            : [{ name: 'taustat_measure', shape: [ROWS, 1], values: Float32Array.from(measured) }]),
        ],
        output,
      );
    const taus = [0, TAU, TAU, 0, 2 * TAU];
    const got = run('y', taus);
    for (const [row, tau] of taus.entries()) {
      const own = (values: ArrayLike<number>) =>
        Array.from(values).slice(row * WIDTHS[3], (row + 1) * WIDTHS[3]);
      const expected = own(await gatedAnswers([tau, 0]));
      expect(farthest(own(got), Float32Array.from(expected))).toBeLessThan(ROUNDING);
    }
    expect(run('taustat_histograms', taus)).toEqual(new Array(4 * ROWS).fill(0));
    const shown = Float64Array.from(run('taustat_histograms', taus, [1, 0, 1, 1, 1]));
    const size = shown.length / ROWS;
    const gated = instrument(readFileSync(source)).bytes;
    const session = await OrtSession.open(gated, { intraOpThreads: 1 });
    const inputs = [{ name: 'x', datatype: 'FP32', shape: input.shape, elements: x } as const];
    const [tap] = await session.run([...inputs, thresholdInput(new Float32Array(2))], ['taustat_tap_0']);
    await session.release();
    for (const [row, tau] of taus.entries()) {
      const [histogram] = histogramsOf(shown.subarray(row * size, (row + 1) * size));
      const own = (tap!.elements as Float32Array).subarray(row * WIDTHS[1], (row + 1) * WIDTHS[1]);
      const kept = own.filter((a) => a > 0 && a >= Math.fround(tau)).length;
      const counted = histogram!.counts.reduce((sum, n) => sum + n, 0);
      expect([counted, counted + histogram!.zeros]).toEqual(row === 1 ? [0, 0] : [kept, WIDTHS[1]]);
    }
  });

  it('takes the critical threshold of inputs, and the layers that are fastest on them', async () => {
    const { model: digits, inputs } = entryOf('optical-digits-mlp');
    const to = join(folder, 'digits');
    const flags = ['-o', to, '--target', 'onnxruntime', '--inputs', Object.values(inputs)[0]!, '--json'];
    const { code, stdout } = await inProcess('instrument', digits, ...flags);
    expect(code).toBe(0);
    const told = JSON.parse(stdout);
    expect(told.threshold).toBeGreaterThanOrEqual(0);
    expect(told.batches.map(({ rows }: { rows: number }) => rows).sort()).toEqual([1, 16]);
    const reasons = told.layers.map(({ reason }: { reason?: string }) => reason);
    expect(reasons).toContain(undefined);
  });

  it.each([
    ['without a threshold', { threshold: undefined }, /CONFIG_INVALID|no threshold: give --threshold/],
    ['for a negative one', { threshold: -1 }, /threshold -1: expected a number ≥ 0/],
    ['for a name with a slash', { name: 'a/b' }, /name 'a\/b': expected letters/],
    ['without a site', { sites: { scheme: 'activations', include: ['none'] } }, /can be pruned/],
  ] as const)('is refused %s', async (_, more, message) => {
    await expect(writeTarget(options('never', more as Partial<TargetOptions>))).rejects.toThrow(message);
  });

  it('is refused where no layer is wide enough, and where Triton would need a shape', async () => {
    const narrow = join(folder, 'narrow.onnx');
    writeFileSync(narrow, bytesOf(wideMlp(random, [4, 8, 8, 2])));
    await expect(writeTarget(options('never', { model: narrow }))).rejects.toThrow(
      /no layer can skip zeros: what it reads .*; narrower than 64/,
    );
    const shapeless = join(folder, 'shapeless.onnx');
    writeFileSync(shapeless, bytesOf(wideMlp(random, WIDTHS, [value('y')])));
    await expect(writeTarget(options('never', { model: shapeless, target: 'triton' }))).rejects.toThrow(
      "'y' has no shape in the model",
    );
    expect(readdirSync(folder)).not.toContain('never');
  });

  it('has the files of its weights beside it', async () => {
    const graph = wideMlp(random);
    const weight = graph.graph!.initializer[1]!;
    writeFileSync(join(folder, 'weights.bin'), Float32Array.from(weight.floatData));
    weight.floatData = [];
    weight.dataLocation = TensorProto_DataLocation.EXTERNAL;
    weight.externalData = [create(StringStringEntryProtoSchema, { key: 'location', value: 'weights.bin' })];
    const outside = join(folder, 'outside.onnx');
    writeFileSync(outside, bytesOf(graph));
    const { files } = await writeTarget(options('beside', { model: outside }));
    expect(files).toContain('weights.bin');
    rmSync(join(folder, 'weights.bin'));
    const [written, library] = [files[0]!, files[2]!].map((file) => join(folder, 'beside', file));
    expect(answers(written!, library!)).toHaveLength(ROWS * WIDTHS[3]);
  });
});

function farthest(actual: readonly number[], expected: Float32Array): number {
  return Math.max(...actual.map((y, i) => Math.abs(y - expected[i]!)));
}
