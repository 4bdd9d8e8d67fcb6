// The bodies of the Open Inference Protocol v2, and of Triton's extensions of it, as they are answered here.
import { z } from 'zod';
import { DATATYPES } from '../../../protocol/datatypes.ts';
import { components } from './components.ts';

const datatype = () => z.enum(DATATYPES);
const parameters = () => z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const size = () => z.int().min(0);

export const Problem = z
  .object({ error: z.string().describe('What is wrong, where, and what was expected.') })
  .register(components, { id: 'Error' });

export const Server = z
  .object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .register(components, { id: 'Server' });

export const Live = z.object({ live: z.boolean() }).register(components, { id: 'Live' });

export const Ready = z
  .object({
    ready: z.literal(true),
    problems: z.array(z.string()).optional().describe('What is wrong although requests are answered.'),
  })
  .register(components, { id: 'Ready' });

export const NotReady = z
  .object({ ready: z.literal(false), missing: z.array(z.string()).describe('Models that do not answer.') })
  .register(components, { id: 'NotReady' });

export const ModelReady = z
  .object({ name: z.string(), ready: z.boolean() })
  .register(components, { id: 'ModelReady' });

const TensorMetadata = z
  .object({
    name: z.string(),
    datatype: datatype(),
    shape: z.array(z.int().min(-1)).describe('-1: a variable dimension.'),
  })
  .register(components, { id: 'TensorMetadata' });

export const ModelMetadata = z
  .object({
    name: z.string(),
    versions: z.array(z.string()),
    platform: z.string(),
    inputs: z.array(TensorMetadata).describe('What a request must hold.'),
    optional_inputs: z.array(TensorMetadata).optional().describe('What it may hold besides.'),
    outputs: z.array(TensorMetadata),
  })
  .register(components, { id: 'ModelMetadata' });

const ConfiguredTensor = z.object({
  name: z.string(),
  data_type: z.string().describe('As `TYPE_FP32`.'),
  dims: z.array(z.int().min(-1)),
});

export const ModelConfiguration = z
  .object({
    name: z.string(),
    platform: z.string(),
    backend: z.string(),
    version_policy: z.union([
      z.object({ latest: z.object({ num_versions: z.int() }) }),
      z.object({ all: z.object({}) }),
    ]),
    max_batch_size: size(),
    input: z.array(ConfiguredTensor.extend({ optional: z.boolean() })),
    output: z.array(ConfiguredTensor.extend({ label_filename: z.string() })),
    instance_group: z.array(
      z.object({ name: z.string(), kind: z.string(), count: z.int().describe('Workers.') }),
    ),
    default_model_filename: z.string(),
    parameters: z.record(z.string(), z.object({ string_value: z.string() })).optional(),
    dynamic_batching: z.object({ max_queue_delay_microseconds: z.number() }).optional(),
  })
  .register(components, { id: 'ModelConfiguration' });

const Duration = z.object({ count: size(), ns: z.number().min(0) }).register(components, { id: 'Duration' });

export const Statistics = z
  .object({
    model_stats: z.array(
      z.object({
        name: z.string(),
        version: z.string(),
        last_inference: z.number().describe('Unix milliseconds; 0: none yet.'),
        inference_count: size().describe('Rows of successful requests.'),
        execution_count: size().describe('Runs of the model.'),
        inference_stats: z.object({
          success: Duration,
          fail: Duration,
          queue: Duration,
          compute_input: Duration,
          compute_infer: Duration,
          compute_output: Duration,
          cache_hit: Duration,
          cache_miss: Duration,
        }),
        batch_stats: z.array(z.unknown()),
      }),
    ),
  })
  .register(components, { id: 'Statistics' });

const elements = () =>
  z
    .array(z.unknown())
    .describe('Elements in row-major order, flat or nested; absent where they are binary data.');

export const InferRequest = z
  .object({
    id: z.string().optional(),
    parameters: z
      .object({
        pruning: z.union([z.enum(['on', 'off']), z.boolean()]).optional(),
        timeout: z.int().min(0).optional().describe('In microseconds; after it the answer is 504.'),
        sequence_id: z.union([z.string(), z.int()]).optional().describe('The stream that the request is of.'),
        binary_data_output: z.boolean().optional(),
      })
      .catchall(z.unknown())
      .optional(),
    inputs: z.array(
      z.object({
        name: z.string(),
        datatype: datatype(),
        shape: z.array(size()),
        parameters: z.object({ binary_data_size: size().optional() }).catchall(z.unknown()).optional(),
        data: elements().optional(),
      }),
    ),
    outputs: z
      .array(
        z.object({
          name: z.string(),
          parameters: z
            .object({
              binary_data: z.boolean().optional(),
              classification: z.int().min(1).optional().describe('So many best classes, as text.'),
            })
            .catchall(z.unknown())
            .optional(),
        }),
      )
      .optional()
      .describe('Absent: all.'),
  })
  .register(components, { id: 'InferRequest' });

export const InferResponse = z
  .object({
    model_name: z.string(),
    model_version: z.string(),
    id: z.string().optional(),
    parameters: z
      .object({ threshold: z.number().min(0).describe('What it was computed at; 0 is dense.') })
      .catchall(z.unknown()),
    outputs: z.array(
      z.object({
        name: z.string(),
        datatype: datatype(),
        shape: z.array(size()),
        parameters: parameters().optional(),
        data: elements().optional(),
      }),
    ),
  })
  .register(components, { id: 'InferResponse' });

export const IndexRequest = z
  .object({ ready: z.boolean().optional().describe('Only models that answer.') })
  .register(components, { id: 'RepositoryIndexRequest' });

export const RepositoryIndex = z
  .array(
    z.object({
      name: z.string(),
      version: z.string().optional(),
      state: z.enum(['READY', 'LOADING', 'UNLOADING', 'UNAVAILABLE']),
      reason: z.string(),
    }),
  )
  .register(components, { id: 'RepositoryIndex' });

export const ChangeRequest = z
  .object({ parameters: z.strictObject({ unload_dependents: z.unknown().optional() }).optional() })
  .register(components, { id: 'RepositoryChangeRequest' });
