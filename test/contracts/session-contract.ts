import { afterEach, describe, expect, it } from 'vitest';
import { encodeModel } from '../../src/onnx/model-file.ts';
import type { Session } from '../../src/runtime/local/session.ts';
import { model, node, tensor, value } from '../onnx/models.ts';
import { perceptron, perceptronInput, perceptronReference } from '../runtime/small-models.ts';
import { tensorCases } from './tensor-cases.ts';

/** What every session promises. */
export function sessionContract(name: string, open: (model: Uint8Array) => Session | Promise<Session>): void {
  describe(name, () => {
    const opened: Session[] = [];
    const openModel = async (bytes: Uint8Array) => {
      const session = await open(bytes);
      opened.push(session);
      return session;
    };
    afterEach(async () => {
      for (const session of opened.splice(0)) await session.release();
    });

    it('answers with the outputs that are asked for, in that order', async () => {
      const twoOutputs = model({
        nodes: [node('Relu', ['x'], 'a'), node('Neg', ['x'], 'b')],
        inputs: [value('x', ['N', 2])],
        outputs: [value('a', ['N', 2]), value('b', ['N', 2])],
      });
      const session = await openModel(encodeModel(twoOutputs));
      const x = { name: 'x', datatype: 'FP32' as const, shape: [1, 2], elements: Float32Array.of(3, -4) };
      expect(await session.run([x], ['b', 'a'])).toEqual([
        { name: 'b', datatype: 'FP32', shape: [1, 2], elements: Float32Array.of(-3, 4) },
        { name: 'a', datatype: 'FP32', shape: [1, 2], elements: Float32Array.of(3, 0) },
      ]);
      expect(await session.run([x], ['a'])).toHaveLength(1);
    });

    it('runs any number of rows, one after the other', async () => {
      const session = await openModel(encodeModel(perceptron()));
      for (const rows of [1, 7, 0, 300, 1]) {
        const x = perceptronInput(rows);
        const [y] = await session.run([x], ['y']);
        expect(y!.shape).toEqual([rows, 3]);
        expect([...(y!.elements as Float32Array)]).toEqual(
          perceptronReference([...(x.elements as Float32Array)]).y,
        );
      }
    });

    it('names the inputs that have no value in the model', async () => {
      const withDefault = model({
        nodes: [node('Add', ['x', 'w'], 'y')],
        inputs: [value('x', [2]), value('w', [2])],
        outputs: [value('y', [2])],
        initializers: [tensor('w', [2], [1, 2])],
      });
      expect((await openModel(encodeModel(withDefault))).inputNames).toEqual(['x']);
    });

    it('takes a model in shared memory', async () => {
      const bytes = encodeModel(perceptron());
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
      shared.set(bytes);
      const session = await openModel(shared);
      expect(await session.run([perceptronInput(1)], ['y'])).toHaveLength(1);
    });

    it('refuses inputs that do not fit, says why, and goes on', async () => {
      const session = await openModel(encodeModel(perceptron()));
      const wide = { name: 'x', datatype: 'FP32' as const, shape: [1, 5], elements: new Float32Array(5) };
      await expect(session.run([wide], ['y'])).rejects.toThrow(/x.*\n? *index: 1 Got: 5 Expected: 4/);
      await expect(session.run([], ['y'])).rejects.toThrow(/x/);
      await expect(session.run([perceptronInput(1)], ['z'])).rejects.toThrow(/z/);
      expect(await session.run([perceptronInput(2)], ['y'])).toHaveLength(1);
    });

    it('refuses a file that is no model', async () => {
      await expect((async () => openModel(Uint8Array.of(1, 2, 3)))()).rejects.toThrow();
    });

    it.each(tensorCases.filter(({ input }) => input.datatype !== 'BYTES'))(
      'keeps $datatype exact',
      async (one) => {
        const session = await openModel(encodeModel(one.model));
        expect(await session.run([one.input], ['y'])).toEqual([{ name: 'y', ...one.output }]);
      },
    );
  });
}
