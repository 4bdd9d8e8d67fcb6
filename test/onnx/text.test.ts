import { create } from '@bufbuild/protobuf';
import { AttributeProtoSchema, TensorProto_DataType, TensorProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { checkText } from '../../src/onnx/text.ts';
import { BOOL, graph, model, node, tensor, value } from './models.ts';

const { STRING } = TensorProto_DataType;
const text = Uint8Array.from(Buffer.from('naïve 日本 \0'));
const noText = Uint8Array.of(0xc3, 0x28);

function strings(data: Uint8Array<ArrayBuffer>) {
  return create(TensorProtoSchema, { name: 'words', dims: [1n], dataType: STRING, stringData: [text, data] });
}

const constant = (data: Uint8Array<ArrayBuffer>) =>
  model({
    nodes: [node('Constant', [], 'y', { value: strings(data) }, { name: 'c' })],
    inputs: [],
    outputs: [value('y', [1], STRING)],
  });

const places = {
  'an initializer': (data: Uint8Array<ArrayBuffer>) =>
    model({
      nodes: [node('Identity', ['words'], 'y')],
      inputs: [],
      outputs: [value('y', [1], STRING)],
      initializers: [strings(data)],
    }),
  'a constant': constant,
  'a branch': (data: Uint8Array<ArrayBuffer>) => {
    const branch = graph({
      nodes: [node('Constant', [], 'y', { value: strings(data) })],
      inputs: [],
      outputs: [value('y', [1], STRING)],
    });
    return model({
      nodes: [node('If', ['yes'], 'z', { then_branch: branch, else_branch: branch })],
      inputs: [],
      outputs: [value('z', [1], STRING)],
      initializers: [tensor('yes', [], [1], BOOL)],
    });
  },
  'an attribute that lists strings': (data: Uint8Array<ArrayBuffer>) => {
    const source = constant(text);
    source.graph!.node[0]!.attribute.push(create(AttributeProtoSchema, { name: 'keys', strings: [data] }));
    return source;
  },
};

describe('checkText', () => {
  it.each(Object.entries(places))('takes UTF-8 in %s and refuses anything else', (_place, of) => {
    expect(() => checkText(of(text))).not.toThrow();
    expect(() => checkText(of(noText))).toThrow(/^(tensor 'words'|attribute '\w+' of Constant '.*') holds a/);
  });
});
