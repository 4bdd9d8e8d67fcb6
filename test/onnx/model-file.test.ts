import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { GraphProtoSchema, type ModelProto, NodeProtoSchema, TensorProto_DataLocation } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { ServingError } from '../../src/config/errors.ts';
import { SITE_SCHEMES } from '../../src/config/site-schemes.ts';
import { instrument } from '../../src/onnx/instrument.ts';
import { decodeModel, encodeModel, externalDataFiles } from '../../src/onnx/model-file.ts';
import { graph, model, node, tensor, value } from './models.ts';

function small(): ModelProto {
  return model({
    nodes: [
      node('Gemm', ['x', 'w'], 'h', {}, { name: 'fc' }),
      node('Relu', ['h'], 'a', {}, { name: 'act' }),
      node('Gemm', ['a', 'w'], 'y', {}, { name: 'head' }),
    ],
    inputs: [value('x', ['N', 2])],
    outputs: [value('y', ['N', 2])],
    initializers: [tensor('w', [2, 2], [1, 2, 3, 4])],
  });
}

/** What reading the bytes ends in: a model, or the code of the error. */
function outcome(read: () => unknown): string {
  try {
    read();
    return 'model';
  } catch (error) {
    return error instanceof ServingError ? error.code : `unexpected ${String(error)}`;
  }
}

describe('decodeModel', () => {
  it('gives back the bytes that it has read', () => {
    const bytes = encodeModel(small());
    expect(encodeModel(decodeModel(bytes))).toEqual(bytes);
  });

  it.each([
    ['nothing', new Uint8Array(), 'the file is empty'],
    [
      'a web page',
      new TextEncoder().encode('<!DOCTYPE html><html></html>'),
      'not an ONNX model, or cut short',
    ],
    ['a gzip file', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0), 'not an ONNX model, or cut short'],
    ['a model without a version', encodeModel({ ...small(), irVersion: 0n }), 'ir_version is missing'],
    ['a model without opsets', encodeModel({ ...small(), opsetImport: [] }), 'opset_import is missing'],
    ['a graph without outputs', encodeModel(model({ nodes: [], inputs: [], outputs: [] })), 'no output'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeModel(bytes)).toThrow(message);
    expect(outcome(() => decodeModel(bytes))).toBe('MODEL_INVALID');
  });

  it('refuses a node without an operator', () => {
    const broken = model({ nodes: [node('', ['x'], 'y')], inputs: [value('x')], outputs: [value('y')] });
    expect(() => decodeModel(encodeModel(broken))).toThrow('graph node 0 has no op_type');
  });

  it('answers MODEL_INVALID for a model cut short at any length', () => {
    const bytes = encodeModel(small());
    const outcomes = new Map<string, number>();
    for (let length = 0; length < bytes.length; length++) {
      const result = outcome(() => instrument(bytes.subarray(0, length)));
      outcomes.set(result, (outcomes.get(result) ?? 0) + 1);
    }
    expect([...outcomes]).toEqual([['MODEL_INVALID', bytes.length]]);
  });

  it('answers MODEL_INVALID, never another error, for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(['model', 'MODEL_INVALID']).toContain(outcome(() => instrument(bytes)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('answers MODEL_INVALID or a model, never another error, when any bytes of a model are changed', () => {
    const bytes = encodeModel(small());
    const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const changed = bytes.slice();
        for (const { at, to } of changes) changed[at] = to;
        expect(['model', 'MODEL_INVALID']).toContain(outcome(() => instrument(changed)));
      }),
      { numRuns: 3_000 },
    );
  });

  it('answers MODEL_INVALID or a model, never another error, for any wiring of any nodes', () => {
    const ops =
      `Relu Clip Sigmoid Tanh Softplus Exp Erf Mul Add Div Pow Neg MatMul Gemm Conv Transpose Reshape Shape Cast
    Identity Constant Softmax Concat Split Slice Unsqueeze Expand LSTM If Attention BatchNormalization`.split(
        /\s+/,
      );
    const name = fc.constantFrom('', 'x', 'w', 's', 'a', 'b', 'c', 'd', 'e', 'y');
    const anyNode = fc.record({
      op: fc.constantFrom(...ops),
      input: fc.array(name, { maxLength: 3 }),
      output: fc.array(name, { maxLength: 2 }),
    });
    fc.assert(
      fc.property(fc.array(anyNode, { maxLength: 8 }), fc.nat(25), (drawn, opset) => {
        const nodes = drawn.map(({ op, input, output }) => node(op, input, output));
        const source = model(
          {
            nodes,
            inputs: [value('x', ['N', 2])],
            outputs: [value('y')],
            initializers: [tensor('w', [2, 2], [1, 2, 3, 4]), tensor('s', [], [0.5])],
          },
          opset,
        );
        for (const scheme of SITE_SCHEMES) {
          expect(['model', 'MODEL_INVALID']).toContain(outcome(() => instrument(source, { scheme })));
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('reads a chain of fifty thousand nodes', () => {
    const length = 50_000;
    const chain = (op: string): ModelProto['graph'] =>
      graph({
        nodes: [
          ...Array.from({ length }, (_, i) => node(op, [i === 0 ? 'k' : `t${i}`], `t${i + 1}`)),
          node('Relu', [`t${length}`], 'r'),
          node('MatMul', ['r', 'k'], 'm'),
          node('Transpose', ['m'], 'y'),
        ],
        inputs: [value('k', [2, 2])],
        outputs: [value('y')],
      });
    for (const op of ['Identity', 'Neg', 'Transpose']) {
      const source = { ...small(), graph: chain(op) } as ModelProto;
      expect(outcome(() => instrument(source, { scheme: 'activations' }))).toBe('model');
      source.graph?.node.reverse();
      expect(outcome(() => instrument(source, { scheme: 'linear-inputs' }))).toBe('model');
    }
  });

  it('refuses nesting without end', () => {
    let body = graph({ nodes: [node('Relu', ['x'], 'y')], inputs: [], outputs: [value('y')] });
    for (let depth = 0; depth < 200; depth++) {
      const nodes = [node('If', ['c'], 'y', { then_branch: body, else_branch: body })];
      body = graph({ nodes: nodes.slice(), inputs: [], outputs: [value('y')] });
      nodes[0]?.attribute.pop();
      body.node = nodes;
    }
    const deep = { ...small(), graph: body };
    expect(outcome(() => decodeModel(encodeModel(deep)))).toBe('MODEL_INVALID');
  });
});

describe('fields that the format does not know yet', () => {
  /** Field 1999, of type string. */
  const unknown = Uint8Array.of(0xfa, 0x7c, 3, 0x61, 0x62, 0x63);
  const added = <T>(bytes: Uint8Array, decode: (bytes: Uint8Array) => T): T =>
    decode(Uint8Array.from([...bytes, ...unknown]));

  it('survive a rewriting, in the model, in the graph and in the node that was rewritten', () => {
    const source = small();
    const parts = source.graph;
    if (parts === undefined) throw new Error('no graph');
    parts.node = parts.node.map((each) =>
      added(toBinary(NodeProtoSchema, each), (bytes) => fromBinary(NodeProtoSchema, bytes)),
    );
    source.graph = added(toBinary(GraphProtoSchema, parts), (bytes) => fromBinary(GraphProtoSchema, bytes));
    const bytes = Uint8Array.from([...encodeModel(source), ...unknown]);

    const rewritten = decodeModel(instrument(bytes).bytes);
    const field = { no: 1999, wireType: 2, data: unknown.slice(2) };
    expect(rewritten.$unknown).toEqual([field]);
    expect(rewritten.graph.$unknown).toEqual([field]);
    const known = rewritten.graph.node.filter(({ name }) => ['fc', 'act', 'head'].includes(name));
    expect(known.map(({ name, output }) => `${name} → ${output[0]}`)).toEqual([
      'fc → h',
      'act → taustat_tap_0',
      'head → y',
    ]);
    for (const { $unknown } of known) expect($unknown).toEqual([field]);
  });
});

describe('externalDataFiles', () => {
  const at = (location: string): ModelProto => {
    const source = small();
    const weight = source.graph?.initializer[0];
    if (weight === undefined) throw new Error('no weight');
    weight.dataLocation = TensorProto_DataLocation.EXTERNAL;
    weight.externalData = [{ $typeName: 'onnx.StringStringEntryProto', key: 'location', value: location }];
    return source;
  };

  it('names each file once, in bodies and constants too', () => {
    const inner = at('b.bin').graph?.initializer[0];
    const source = at('a/weights.bin');
    const again = at('a/weights.bin').graph?.initializer[0];
    if (inner === undefined || again === undefined) throw new Error('no weight');
    const body = graph({ nodes: [], inputs: [], outputs: [], initializers: [inner] });
    source.graph?.node.push(
      node('If', ['c'], 'z', { then_branch: body }),
      node('Constant', [], 'k', { value: again }),
    );
    expect(externalDataFiles(source)).toEqual(['a/weights.bin', 'b.bin']);
    expect(externalDataFiles(small())).toEqual([]);
  });

  it.each([
    ['/etc/passwd', 'is absolute'],
    ['C:\\weights.bin', 'is absolute'],
    ['\\\\host\\share', 'is absolute'],
    ['../weights.bin', 'leaves the folder'],
    ['a/../../b', 'leaves the folder'],
    ['a\\..\\b', 'leaves the folder'],
    ['a\0b', 'zero byte'],
    ['', 'has no location'],
  ])('refuses %j: %s', (location, problem) => {
    const read = (): unknown => externalDataFiles(at(location));
    expect(read).toThrow(problem);
    expect(read).toThrow("tensor 'w'");
    expect(outcome(read)).toBe('MODEL_INVALID');
  });
});
