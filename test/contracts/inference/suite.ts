import { beforeAll, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../../src/config/schema.ts';
import { VERSION } from '../../../src/config/version.ts';
import { DATATYPES } from '../../../src/protocol/datatypes.ts';
import type { TensorElements } from '../../../src/protocol/types.ts';
import type { Taustat } from '../../../src/taustat.ts';
import { anyOf } from '../../conformance/models.ts';
import { ort } from '../../onnx/ort.ts';
import { holdRuns } from '../../runtime/held-runs.ts';
import { smallCnn } from '../../small-cnn.ts';
import { until } from '../../transport/http/until.ts';
import type { Asked, AskedTensor, InferenceClient } from './client.ts';
import { ELEMENTS, ROW, X0, X1 } from './tensors.ts';

export interface Opened {
  readonly client: InferenceClient;
  readonly taustat: Taustat;
}

export interface Servers {
  /** A client of a server for one model of the lab, the same for all who ask for the same. */
  open(model: string, settings?: ConfigInput): Promise<Opened>;
  /** A client of a server that nobody else gets. */
  fresh(model: string, settings?: ConfigInput): Promise<Opened>;
}

const BUNDLED: ConfigInput = { model: { path: smallCnn('model.onnx') } };
const LONG: Asked = {
  model: 'slow',
  inputs: [{ name: 'trips', datatype: 'INT64', shape: [], elements: BigInt64Array.of(1500n) }],
};
const plain = (elements: TensorElements) =>
  ArrayBuffer.isView(elements) ? elements : elements.map((element) => Uint8Array.from(element));

/** What the data plane does over every transport and in every form of it. */
export function inferenceSuite(servers: Servers): void {
  const { open, fresh } = servers;
  const infer = async (asked: Asked, settings?: ConfigInput) =>
    (await open(asked.model, settings)).client.infer(asked);
  const rows = (change: Partial<AskedTensor>, rest: Partial<Asked> = {}): Asked => ({
    model: 'rows',
    inputs: [{ ...ROW, ...change }],
    ...rest,
  });

  describe('elements come back as they went', () => {
    it.each(DATATYPES)('%s', async (datatype) => {
      const elements = ELEMENTS[datatype];
      const asked: Asked = {
        model: anyOf(datatype),
        inputs: [{ name: 'x', datatype, shape: [elements.length], elements }],
      };
      const { client } = await open(asked.model);
      if (!client.carries(datatype)) {
        await expect(client.infer(asked)).rejects.toMatchObject({ kind: 'invalid' });
        return;
      }
      const [output, ...others] = (await client.infer(asked)).outputs;
      expect(others).toEqual([]);
      expect({ ...output!, elements: plain(output!.elements) }).toEqual({
        name: 'y',
        datatype,
        shape: [elements.length],
        elements: plain(elements),
      });
    });

    it('in several tensors, in the order of the model, whatever the order of the inputs', async () => {
      for (const inputs of [
        [X0, X1],
        [X1, X0],
      ]) {
        const { outputs } = await infer({ model: 'pair', inputs });
        expect(outputs).toEqual([
          { ...X0, name: 'y0' },
          { ...X1, name: 'y1' },
        ]);
      }
    });

    it('in shapes of any size where the model leaves that open', async () => {
      for (const shape of [
        [1, 6],
        [3, 2],
        [6, 1],
      ]) {
        const elements = Float32Array.of(1, 2, 3, 4, 5, 6);
        const { outputs } = await infer({ model: 'grid', inputs: [{ ...ROW, shape, elements }] });
        expect(outputs).toEqual([{ name: 'y', datatype: 'FP32', shape, elements }]);
      }
    });

    it('in a batch of none', async () => {
      const { outputs } = await infer(rows({ shape: [0, 4], elements: new Float32Array() }));
      expect(outputs).toEqual([{ name: 'y', datatype: 'FP32', shape: [0, 4], elements: new Float32Array() }]);
    });
  });

  describe('an answer', () => {
    it('names model and version, and repeats the id', async () => {
      const answer = await infer(rows({}, { id: 'naïve 日本', version: '1' }));
      expect(answer).toMatchObject({ modelName: 'rows', modelVersion: '1', id: 'naïve 日本' });
      expect(await infer(rows({}))).toMatchObject({ modelName: 'rows', modelVersion: '1', id: '' });
    });

    it('says what it was pruned at, and holds none of the request’s parameters', async () => {
      const parameters = { own: 'word', flag: true, count: 3, share: 0.5, priority: 1 };
      const answer = await infer(rows({}, { parameters }));
      expect(answer.parameters).toEqual({ threshold: 0 });
    });

    it.each([
      ['two in another order', ['y1', 'y0'], ['y1', 'y0']],
      ['one', ['y1'], ['y1']],
      ['none', [], ['y0', 'y1']],
    ])('holds the outputs asked for: %s', async (_, outputs, expected) => {
      const answer = await infer({ model: 'pair', inputs: [X0, X1], outputs });
      expect(answer.outputs.map(({ name }) => name)).toEqual(expected);
    });
  });

  describe('a request is refused, and the next one answered', () => {
    const TWO = { shape: [2, 4], elements: new Float32Array(8) };
    it.each<[string, Asked, RegExp, ConfigInput?]>([
      ['without inputs', { model: 'rows', inputs: [] }, /^request: 'inputs' must be a non-empty array$/],
      [
        'without one of them',
        { model: 'pair', inputs: [X0] },
        /^missing input 'x1': model 'pair' takes 'x0', 'x1'$/,
      ],
      [
        'with one that the model has not',
        rows({}, { inputs: [ROW, { ...ROW, name: 'z' }] }),
        /^unexpected input 'z': model 'rows' takes 'x'$/,
      ],
      ['with one twice', rows({}, { inputs: [ROW, ROW] }), /^input 'x' occurs twice$/],
      ['with one without a name', rows({ name: '' }), /^input: 'name' must be a non-empty string$/],
      ['with a wrong datatype', rows({ datatype: 'INT32' }), /unexpected datatype 'INT32', expected FP32$/],
      ['with an unknown datatype', rows({ datatype: 'FP8' }), /unknown datatype 'FP8', expected FP32$/],
      ['with one in lower case', rows({ datatype: 'fp32' }), /unknown datatype 'fp32', expected FP32$/],
      ['with a wrong rank', rows({ shape: [4] }), /unexpected shape \[4\], expected \[-1,4\]$/],
      ['with a wrong size', rows({ shape: [2, 2] }), /unexpected shape \[2,2\], expected \[-1,4\]$/],
      ['with a negative size', rows({ shape: [-1, 4] }), /'shape' holds -1, expected non-negative integers$/],
      ['with too few elements', rows({ shape: [2, 4] }), /^input 'x': .*\b8\b/],
      ['with too many elements', rows({ elements: new Float32Array(5) }), /^input 'x': .*\b4\b/],
      [
        'with more elements than there are numbers',
        { model: 'grid', inputs: [{ ...ROW, shape: [2 ** 52, 4] }] },
        /exceeds the maximum byte size$/,
      ],
      [
        'with inputs of different batches',
        { model: 'pair', inputs: [X0, { ...X1, shape: [2, 2], elements: new Int32Array(4) }] },
        /^input 'x1': dimension 0 \(batch\) is 2, input 'x0' has 1$/,
      ],
      [
        'with a batch beyond the maximum',
        rows(TWO),
        /batch of 2 in shape \[2,4\], the maximum is 1$/,
        { server: { maxBatch: 1 } },
      ],
      [
        'for an output that the model has not',
        rows({}, { outputs: ['z'] }),
        /^unexpected output 'z': model 'rows' gives 'y'$/,
      ],
      ['for one twice', rows({}, { outputs: ['y', 'y'] }), /^output 'y' occurs twice$/],
      [
        'with a reserved parameter',
        rows({}, { parameters: { triton_enable: true } }),
        /^request: parameter 'triton_enable' is reserved and must not be given$/,
      ],
      [
        'with a parameter of the wrong type',
        rows({}, { parameters: { timeout: 'soon' } }),
        /^request: parameter 'timeout' must be a non-negative integer of microseconds$/,
      ],
    ])('%s', async (_, asked, reason, settings) => {
      const { client } = await open(asked.model, settings);
      await expect(client.infer(asked)).rejects.toMatchObject({
        kind: 'invalid',
        message: expect.stringMatching(reason),
      });
      expect(await client.isLive()).toBe(true);
    });

    it.each([
      ['model', 'nothing', undefined, /^Request for unknown model: 'nothing' is not found$/],
      ['version', 'rows', '2', /^Request for unknown model: 'rows' version 2 is not found$/],
      [
        'version that is no number',
        'rows',
        'latest',
        /^Request for unknown model: 'rows' version 'latest' is/,
      ],
    ])('for an unknown %s', async (_, model, version, reason) => {
      const { client } = await open('rows');
      const of = version === undefined ? {} : { version };
      const unknown = { kind: 'not found', message: expect.stringMatching(reason) };
      await expect(client.infer(rows({}, { model, ...of }))).rejects.toMatchObject(unknown);
      await expect(client.modelMetadata(model, version)).rejects.toMatchObject(unknown);
      await expect(client.isModelReady(model, version)).rejects.toMatchObject(unknown);
    });

    it('for a version beyond int64', async () => {
      const beyond = rows({}, { version: String(2n ** 63n) });
      await expect(infer(beyond)).rejects.toMatchObject({
        kind: 'invalid',
        message: 'model version 9223372036854775808 is out of range',
      });
      expect(await infer(rows({}, { version: '0001' }))).toMatchObject({ modelVersion: '1' });
    });
  });

  describe('the server tells of itself', () => {
    it('its name and version', async () => {
      const { client } = await open('rows');
      expect(await client.serverMetadata()).toMatchObject({ name: 'taustat', version: VERSION });
    });

    it('the model’s own inputs and outputs, and nothing that was added to them', async () => {
      const { client } = await open('perceptron', { control: { mode: 'fixed', threshold: 1 } });
      expect(await client.modelMetadata('perceptron', '1')).toEqual({
        name: 'perceptron',
        versions: ['1'],
        platform: 'onnxruntime_onnx',
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
        outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 3] }],
      });
      const threshold: AskedTensor = {
        name: 'taustat_threshold',
        datatype: 'FP32',
        shape: [1],
        elements: new Float32Array(1),
      };
      const asked: Asked = { model: 'perceptron', inputs: [ROW, threshold] };
      await expect(client.infer(asked)).rejects.toMatchObject({
        kind: 'invalid',
        message: "unexpected input 'taustat_threshold': model 'perceptron' takes 'x'",
      });
      const { outputs } = await client.infer({ model: 'perceptron', inputs: [ROW] });
      expect(outputs.map(({ name }) => name)).toEqual(['y']);
    });

    it('ready while it serves; not ready, but alive and answering, once it drains', async () => {
      const { client, taustat } = await fresh('rows');
      const state = async () => [
        await client.isLive(),
        await client.isReady(),
        await client.isModelReady('rows'),
      ];
      expect(await state()).toEqual([true, true, true]);
      taustat.drain();
      expect(await state()).toEqual([true, false, false]);
      expect((await client.infer(rows({}))).outputs).toEqual([{ ...ROW, name: 'y' }]);
    });
  });

  describe('integers of 64 bits in parameters', () => {
    it.each(['sequence_id', 'priority', 'timeout', 'anything'])('%s', async (name) => {
      for (const value of [2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
        const { outputs } = await infer(rows({}, { parameters: { [name]: value } }));
        expect(outputs).toEqual([{ ...ROW, name: 'y' }]);
      }
    });

    it('a negative one is no sequence id, however long', async () => {
      await expect(infer(rows({}, { parameters: { sequence_id: -(2n ** 60n) } }))).rejects.toMatchObject({
        kind: 'invalid',
        message: "request: parameter 'sequence_id' must be a string or a non-negative integer",
      });
    });
  });

  describe('pruning', () => {
    const pixels = Float32Array.from({ length: 784 }, (_, i) => ((i * 37) % 256) / 255);
    let input: string;
    let expected: TensorElements;
    beforeAll(async () => {
      const session = await ort.InferenceSession.create(smallCnn('model.onnx'), { intraOpNumThreads: 1 });
      input = session.inputNames[0]!;
      const answer = await session.run({ [input]: new ort.Tensor('float32', pixels, [1, 1, 28, 28]) });
      expected = answer[session.outputNames[0]!]!.data as Float32Array;
    });
    const image = (parameters: Asked['parameters'] = {}): Asked => ({
      model: 'rows',
      parameters,
      inputs: [{ name: input, datatype: 'FP32', shape: [1, 1, 28, 28], elements: pixels }],
    });

    it('applies a threshold and says which; off for one request, the plain model answers', async () => {
      // Answers at .5 are not what anybody would keep.
      const agreement = { floor: 0.01 };
      const pruning: ConfigInput = { ...BUNDLED, agreement, control: { mode: 'fixed', threshold: 0.5 } };
      const pruned = await infer(image(), pruning);
      expect(pruned.parameters).toEqual({ threshold: 0.5 });
      expect(pruned.outputs[0]!.elements).not.toEqual(expected);
      const dense = await infer(image({ pruning: 'off' }), pruning);
      expect(dense.parameters).toEqual({ threshold: 0 });
      expect(dense.outputs[0]!.elements).toEqual(expected);
    });

    it.each([
      ['off', 0],
      [false, 0],
      ['on', 0.5],
      [true, 0.5],
    ])('%j is answered at %d', async (pruning, threshold) => {
      const settings: ConfigInput = {
        ...BUNDLED,
        agreement: { floor: 0.01 },
        control: { mode: 'fixed', threshold: 0.5 },
      };
      expect((await infer(image({ pruning }), settings)).parameters).toEqual({ threshold });
    });

    it.each(['Off', '', 'auto', 0, 1, 0.5])('%j is refused', async (pruning) => {
      await expect(infer(image({ pruning }), BUNDLED)).rejects.toMatchObject({
        kind: 'invalid',
        message: "request: parameter 'pruning' must be 'on', 'off' or a boolean",
      });
    });

    it('in mode off, the plain model answers bit for bit', async () => {
      const answer = await infer(image(), { ...BUNDLED, control: { mode: 'off' } });
      expect(answer.parameters).toEqual({ threshold: 0 });
      expect(answer.outputs[0]!.elements).toEqual(expected);
    });
  });

  describe('under load', () => {
    const SUM = [{ name: 'y', datatype: 'FP32', shape: [], elements: Float32Array.of(128) }];

    /** Waits until so many requests wait or run. */
    const pending = ({ taustat }: Opened, count: number) =>
      until(async () =>
        (await taustat.metrics()).body.includes(
          `taustat_queue_requests{model="slow",version="1"} ${count}\n`,
        ),
      );

    it('what finds the queue full is refused, and what was accepted is answered', async () => {
      const opened = await open('slow', { runtime: { maxQueue: 1 } });
      const release = holdRuns();
      // One run is under way, one in the worker's mailbox, one in the queue.
      const accepted = Array.from({ length: 3 }, () => opened.client.infer(LONG));
      await pending(opened, 3);
      await expect(opened.client.infer(LONG)).rejects.toMatchObject({
        kind: 'busy',
        message: expect.stringMatching(/^1 requests are waiting already/),
      });
      release();
      for (const answer of await Promise.all(accepted)) expect(answer.outputs).toEqual(SUM);
    });

    it('a timeout ends the wait', async () => {
      const { client } = await open('slow', { runtime: { maxQueue: 1 } });
      const release = holdRuns();
      const hasty = { ...LONG, parameters: { timeout: 2000 } };
      await expect(client.infer(hasty)).rejects.toMatchObject({
        kind: 'late',
        message: 'no answer within the timeout of 2000 µs',
      });
      release();
    });
  });
}
