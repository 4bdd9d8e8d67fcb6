import { expect, it } from 'vitest';
import { tritonConfig } from '../../../src/tools/export/triton-config.ts';
import { readTextFormat } from './text-format.ts';

it('tells Triton of tensors, library and threads; thresholds and defaults of the model are optional', () => {
  const text = tritonConfig({
    name: 'vgg',
    signature: {
      inputs: [
        { name: 'image', datatype: 'FP32', shape: [-1, 1, 28, 28] },
        { name: 'say "why"\\', datatype: 'BYTES', shape: [] },
      ],
      optionalInputs: [
        { name: 'scale', datatype: 'FP64', shape: [1] },
        { name: 'taustat_threshold', datatype: 'FP32', shape: [6] },
      ],
      outputs: [
        { name: 'logits', datatype: 'FP32', shape: [-1, 10] },
        { name: 'class', datatype: 'INT64', shape: [-1] },
      ],
    },
    maxBatch: 0,
    parameters: { taustat: '{"sites":[]}' },
    library: '/models/vgg/libtaustat.so',
  });
  expect(readTextFormat(text)).toEqual({
    name: ['vgg'],
    backend: ['onnxruntime'],
    max_batch_size: [0],
    input: [
      { name: ['image'], data_type: ['TYPE_FP32'], dims: [-1, 1, 28, 28] },
      { name: ['say "why"\\'], data_type: ['TYPE_STRING'], dims: [1] },
      { name: ['scale'], data_type: ['TYPE_FP64'], dims: [1], optional: [true] },
      { name: ['taustat_threshold'], data_type: ['TYPE_FP32'], dims: [6], optional: [true] },
    ],
    output: [
      { name: ['logits'], data_type: ['TYPE_FP32'], dims: [-1, 10] },
      { name: ['class'], data_type: ['TYPE_INT64'], dims: [-1] },
    ],
    model_operations: [{ op_library_filename: ['/models/vgg/libtaustat.so'] }],
    instance_group: [{ kind: ['KIND_CPU'] }],
    parameters: [
      { key: ['intra_op_thread_count'], value: [{ string_value: ['1'] }] },
      { key: ['taustat'], value: [{ string_value: ['{"sites":[]}'] }] },
    ],
  });
});
