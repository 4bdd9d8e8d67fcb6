import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { Datatype, Tensor } from '../../src/protocol/types.ts';
import { fromNativeTensor, toNativeTensor } from '../../src/runtime/local/native/addon.ts';
import { loadNative } from '../../src/runtime/local/native/load.ts';
import {
  BOOL,
  DOUBLE,
  FLOAT,
  FLOAT16,
  INT8,
  INT64,
  model,
  node,
  tensor,
  UINT8,
  value,
} from '../onnx/models.ts';
import { bytesOf, openedAddon } from './opened.ts';

/** A model that gives its input back. */
const identity = (elemType: number, shape?: readonly (number | string)[]) =>
  bytesOf(
    model({
      nodes: [node('Identity', ['x'], 'y')],
      inputs: [value('x', shape, elemType)],
      outputs: [value('y', shape, elemType)],
    }),
  );

/** Work that takes seconds, in many nodes: a chain of products of n × n. */
function slowModel(nodes: number, n: number): Uint8Array {
  return bytesOf(
    model({
      nodes: Array.from({ length: nodes }, (_, i) =>
        node('MatMul', [`x${i}`, 'x0'], i === nodes - 1 ? 'y' : `x${i + 1}`),
      ),
      inputs: [value('x0', [n, n])],
      outputs: [value('y', [n, n])],
    }),
  );
}

const float = (name: string, elements: Float32Array, shape: number[]) => ({ name, type: 1, shape, elements });

describe('a native session', () => {
  const TYPES: readonly [Datatype, number, Tensor['elements']][] = [
    ['FP32', FLOAT, Float32Array.of(1.5, Number.NaN, -0)],
    ['FP64', DOUBLE, Float64Array.of(1.5, Number.NEGATIVE_INFINITY, 1e300)],
    ['FP16', FLOAT16, Uint16Array.of(0x3c00, 0x7e00, 0x8000)],
    ['BF16', 16, Uint16Array.of(0x3f80, 1, 2)],
    ['INT8', INT8, Int8Array.of(-128, 0, 127)],
    ['UINT8', UINT8, Uint8Array.of(0, 1, 255)],
    ['INT16', 5, Int16Array.of(-32768, 0, 32767)],
    ['UINT16', 4, Uint16Array.of(0, 1, 65535)],
    ['INT32', 6, Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1)],
    ['UINT32', 12, Uint32Array.of(0, 1, 2 ** 32 - 1)],
    ['INT64', INT64, BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n)],
    ['UINT64', 13, BigUint64Array.of(0n, 1n, 2n ** 64n - 1n)],
    ['BOOL', BOOL, Uint8Array.of(0, 1, 1)],
  ];

  it.each(TYPES)('carries %s', (datatype, elemType, elements) => {
    const addon = openedAddon();
    const session = addon.createSession(identity(elemType, ['n']), { intraOpThreads: 1 });
    expect(addon.names(session)).toEqual({ inputs: ['x'], outputs: ['y'] });
    const x: Tensor = { name: 'x', datatype, shape: [3], elements };
    const [y] = addon.run(session, [toNativeTensor(x)], ['y']);
    expect(fromNativeTensor(y!)).toEqual({ ...x, name: 'y' });
  });

  it('carries scalars and tensors without elements', () => {
    const addon = openedAddon();
    const session = addon.createSession(identity(FLOAT), { intraOpThreads: 1 });
    for (const [shape, elements] of [
      [[], Float32Array.of(7)],
      [[0, 3], new Float32Array(0)],
    ] as const) {
      const [y] = addon.run(session, [float('x', elements, [...shape])], ['y']);
      expect([y!.shape, y!.elements]).toEqual([shape, elements]);
    }
  });

  it('gives results that another thread may take, however often it runs', async () => {
    const addon = openedAddon();
    const session = addon.createSession(identity(FLOAT, ['n']), { intraOpThreads: 1 });
    for (const length of [4, 100_000, 100_000, 100_000, 100_000, 50_000, 100_000]) {
      const x = Float32Array.from({ length }, (_, i) => i);
      const [y] = addon.run(session, [float('x', x, [length])], ['y']);
      const buffer = y!.elements.buffer as ArrayBuffer;
      const moved = structuredClone(buffer, { transfer: [buffer] });
      expect(buffer.byteLength).toBe(0);
      expect(Buffer.compare(Buffer.from(moved), Buffer.from(x.buffer))).toBe(0);
    }
  });

  it('follows an output whose shape depends on what the input holds', () => {
    const addon = openedAddon();
    const bytes = bytesOf(
      model({
        nodes: [node('NonZero', ['x'], 'y')],
        inputs: [value('x', ['n'])],
        outputs: [value('y', undefined, INT64)],
      }),
    );
    const session = addon.createSession(bytes, { intraOpThreads: 1 });
    for (const ones of [10_000, 10_000, 10_000, 9_000, 10_000, 0]) {
      const x = new Float32Array(10_000).fill(1, 0, ones);
      const [y] = addon.run(session, [float('x', x, [10_000])], ['y']);
      expect(y!.shape).toEqual([1, ones]);
    }
  });

  it('says what is wrong, as ONNX Runtime says it', () => {
    const addon = openedAddon();
    const session = addon.createSession(identity(FLOAT, [2]), { intraOpThreads: 1 });
    const x = Float32Array.of(1, 2);
    expect(() => addon.run(session, [float('z', x, [2])], ['y'])).toThrow(/Invalid input name: z/);
    expect(() => addon.run(session, [float('x', x, [1, 2])], ['y'])).toThrow(/Invalid rank for input: x/);
    expect(() => addon.run(session, [float('x', x, [2])], ['q'])).toThrow(/Invalid output name: ?q/i);
    expect(() => addon.run(session, [float('x', x, [3])], ['y'])).toThrow(
      "input 'x': 2 elements, its shape needs 3",
    );
    expect(() => addon.run(session, [{ ...float('x', x, [2]), type: 7 }], ['y'])).toThrow(
      "input 'x': elements do not fit element type 7",
    );
    expect(() => addon.run(session, [float('x', x, [-2])], ['y'])).toThrow("input 'x': bad shape");
    expect(() => addon.createSession(Uint8Array.of(1, 2, 3), { intraOpThreads: 1 })).toThrow(/protobuf/i);
    expect(() => addon.createSession('/nowhere.onnx', { intraOpThreads: 1 })).toThrow(/nowhere/);
    expect(() => addon.createSession(identity(8, [2]), { intraOpThreads: 1 })).toThrow(
      "input 'x' is no tensor of numbers: use onnxruntime-node",
    );
    addon.release(session);
    addon.release(session);
    expect(() => addon.run(session, [float('x', x, [2])], ['y'])).toThrow('the session is released');
  });

  it('refuses operators that it cannot be right about', () => {
    const addon = openedAddon();
    const open = (attributes: Parameters<typeof node>[3], constants = ['w', 'b']) => {
      const all = [tensor('w', [2, 2, 1, 1], [1, 2, 3, 4]), tensor('b', [2], [1, 2])];
      const graph = model(
        {
          nodes: [node('SparseConv', ['x', 'w', 'b'], 'y', attributes, { domain: 'ai.taustat' })],
          inputs: [
            value('x', [1, 2, 3, 3]),
            ...all.filter(({ name }) => !constants.includes(name)).map(({ name }) => value(name)),
          ],
          outputs: [value('y')],
          initializers: all.filter(({ name }) => constants.includes(name)),
        },
        17,
        ['ai.taustat'],
      );
      return addon.createSession(bytesOf(graph), { intraOpThreads: 1 });
    };
    expect(() => open({}, ['b'])).toThrow('SparseConv: W is not constant');
    expect(() => open({ activation: 'gelu' })).toThrow("activation 'gelu', expected none, relu or clip");
    expect(() => open({ strides: [1n] })).toThrow('strides has 1 entries, not 2');
    expect(() => open({ pads: [0n, -1n, 0n, 0n] })).toThrow('pads must not be negative');
    expect(() => open({ input_layout: 'nhwc' })).toThrow("input_layout 'nhwc', expected nchw or bordered");
    const session = open({}, ['w']);
    const x = float('x', new Float32Array(18), [1, 2, 3, 3]);
    expect(() => addon.run(session, [x, float('b', Float32Array.of(1, 2), [2])], ['y'])).toThrow(
      'B is not constant',
    );
  });

  it('ends a run from another thread, and runs again after a reset', async () => {
    const addon = openedAddon();
    const session = addon.createSession(slowModel(4000, 128), { intraOpThreads: 1 });
    const load = loadNative();
    if (load.kind === 'unavailable') throw new Error(load.reason);
    const script = `
      const { workerData } = require('node:worker_threads');
      const addon = require(workerData.binary);
      setTimeout(() => addon.terminate(workerData.id), 100);
    `;
    const id = addon.sessionId(session);
    const worker = new Worker(script, { eval: true, workerData: { id, binary: load.binaryPath } });
    await new Promise((resolve) => worker.once('online', resolve));
    const x = float('x0', new Float32Array(128 * 128), [128, 128]);
    const run = () => addon.run(session, [x], ['y']);
    expect(() => {
      for (;;) run();
    }).toThrow(/terminate/i);
    expect(run).toThrow(/terminate/i);
    addon.reset(session);
    expect(run()).toHaveLength(1);
    addon.release(session);
    expect(addon.terminate(id)).toBe(false);
    expect(addon.terminate(2n ** 60n)).toBe(false);
  });

  it('takes nothing down when its thread is ended in the middle of a run', async () => {
    const load = loadNative();
    if (load.kind === 'unavailable') throw new Error(load.reason);
    const script = `
      const { parentPort, workerData } = require('node:worker_threads');
      require(workerData.ort);
      const addon = require(workerData.binary);
      addon.init(workerData.library, 'auto');
      const session = addon.createSession(workerData.model, { intraOpThreads: 1 });
      const x = { name: 'x0', type: 1, shape: [64, 64], elements: new Float32Array(4096) };
      parentPort.postMessage('ready');
      for (;;) addon.run(session, [x], ['y']);
    `;
    const workerData = {
      ort: import.meta.resolve('onnxruntime-node').replace('file://', ''),
      binary: load.binaryPath,
      library: load.libraryPath,
      model: slowModel(200, 64),
    };
    for (let i = 0; i < 8; i++) {
      const worker = new Worker(script, { eval: true, workerData });
      await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      await new Promise((resolve) => setTimeout(resolve, 7 * i));
      expect(await worker.terminate()).toBe(1);
    }
  });
});
