// @ts-nocheck: a plain script over the messages of ONNX, whose fields it takes as they come.
/**
 * Gates the ONNX node tests whose folders are arguments, one after the other, and prints a line of JSON for each: a process of
 * its own, since a native crash ends it. Needs dist/.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { instrument } from '../../../dist/index.js';
import { isFiniteTensor } from '../../../dist/runtime/finite-tensor.js';
import { WorkerRuntime } from '../../../dist/runtime/local/worker-runtime.js';

process.env.ORT_DISABLE_TELEMETRY = '1';
const ort = await import('onnxruntime-node');

const FLOAT = 1;
const FLOAT16 = 10;
const THRESHOLDS = [1e-3, 0.03, 0.3, 2];
const TYPES = {
  1: ['float32', Float32Array],
  2: ['uint8', Uint8Array],
  3: ['int8', Int8Array],
  4: ['uint16', Uint16Array],
  5: ['int16', Int16Array],
  6: ['int32', Int32Array],
  7: ['int64', BigInt64Array],
  9: ['bool', Uint8Array],
  10: ['float16', Uint16Array],
  11: ['float64', Float64Array],
  12: ['uint32', Uint32Array],
  13: ['uint64', BigUint64Array],
};
const DATATYPES = {
  float32: 'FP32',
  float64: 'FP64',
  float16: 'FP16',
  int64: 'INT64',
  int32: 'INT32',
  bool: 'BOOL',
};

const isFloat = ({ type }) =>
  type?.value.case === 'tensorType' && [FLOAT, FLOAT16].includes(type.value.value.elemType);

function node(opType, input, output, alpha) {
  const type = AttributeProto_AttributeType.FLOAT;
  const attribute =
    alpha === undefined ? [] : [create(AttributeProtoSchema, { name: 'alpha', type, f: alpha })];
  return create(NodeProtoSchema, {
    opType,
    name: `wrap_${output}`,
    input: [input],
    output: [output],
    attribute,
  });
}

/** A LeakyRelu of slope 1, which changes nothing and is a site, behind each float input and before each float output. */
function wrapped(bytes) {
  const model = fromBinary(ModelProtoSchema, bytes);
  const { graph } = model;
  const initialized = new Set(graph.initializer.map(({ name }) => name));
  const before = [];
  const after = [];
  for (const input of graph.input) {
    if (!isFloat(input) || initialized.has(input.name)) continue;
    before.push(node('LeakyRelu', `wrap_in_${input.name}`, input.name, 1));
    input.name = `wrap_in_${input.name}`;
  }
  graph.output = graph.output.map((output) => {
    if (!isFloat(output)) return output;
    after.push(node('LeakyRelu', output.name, `wrap_act_${output.name}`, 1));
    after.push(node('Neg', `wrap_act_${output.name}`, `wrap_out_${output.name}`));
    return create(ValueInfoProtoSchema, { ...output, name: `wrap_out_${output.name}` });
  });
  graph.node = [...before, ...graph.node, ...after];
  return { bytes: toBinary(ModelProtoSchema, model), graph };
}

function valuesOf(tensor, Elements) {
  const { rawData, floatData, doubleData, int32Data, int64Data, uint64Data } = tensor;
  if (rawData.byteLength > 0) return new Elements(new Uint8Array(rawData).buffer);
  const fields = { Float32Array: floatData, Float64Array: doubleData, BigInt64Array: int64Data };
  const values = fields[Elements.name] ?? (int32Data.length > 0 ? int32Data : uint64Data);
  return Elements.from(values);
}

function feedsOf(folder, inputs) {
  const feeds = {};
  for (const [i, { name }] of inputs.entries()) {
    const file = join(folder, 'test_data_set_0', `input_${i}.pb`);
    if (!existsSync(file)) continue;
    const tensor = fromBinary(TensorProtoSchema, readFileSync(file));
    const known = TYPES[tensor.dataType];
    if (known === undefined) throw new Error(`type ${tensor.dataType} is not fed`);
    const [type, Elements] = known;
    feeds[name] = new ort.Tensor(type, valuesOf(tensor, Elements), tensor.dims.map(Number));
  }
  return feeds;
}

const tensorOf = (name, { type, data, dims }) => ({
  name,
  datatype: DATATYPES[type] ?? type.toUpperCase(),
  shape: [...dims],
  elements: data,
});
const answersOf = (results) =>
  Object.entries(results).flatMap(([name, value]) => (value.dims ? [tensorOf(name, value)] : []));
const areFinite = (answers) => answers.every(isFiniteTensor);

/** float16 rounds elsewhere once gates are there. */
function isSame(a, b) {
  return a.every(({ datatype, elements }, i) => {
    if (datatype === 'FP16') return elements.length === b[i].elements.length;
    const tolerance = datatype === 'FP32' ? 1e-5 : 0;
    return elements.every((x, k) => {
      const y = b[i].elements[k];
      return Object.is(x, y) || x === y || Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(x));
    });
  });
}

/** What a served model answers where its pruned answer is not finite. */
async function isCaught({ plain, gated, taps, feeds, outputs, threshold }) {
  const shared = (bytes) => {
    const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
    copy.set(bytes);
    return copy;
  };
  const runtime = await WorkerRuntime.start(
    { plain: shared(plain), gated: shared(gated), taps, intraOpThreads: 1 },
    { workers: 1, maxQueue: 4, maxShadowQueue: 1 },
  );
  const inputs = Object.entries(feeds).map(([name, value]) => tensorOf(name, value));
  const thresholds = new Float32Array(taps.length).fill(threshold);
  const result = await runtime.run({ inputs, outputs, thresholds, keepInputs: true });
  await runtime.close();
  return result.denseInstead?.isFinite === true && areFinite(result.outputs);
}

async function examined(folder) {
  const file = readdirSync(folder).find((name) => name.endsWith('.onnx'));
  const { bytes, graph } = wrapped(readFileSync(join(folder, file)));
  const options = { logSeverityLevel: 4, intraOpNumThreads: 1 };
  let plain;
  let feeds;
  let dense;
  try {
    feeds = feedsOf(folder, graph.input);
    plain = await ort.InferenceSession.create(bytes, options);
    dense = answersOf(await plain.run(feeds));
  } catch (error) {
    return { skipped: String(error.message).slice(0, 200) };
  }
  const { sites, bytes: gated } = instrument(bytes);
  if (sites.length === 0) return { sites: 0 };
  const session = await ort.InferenceSession.create(gated, options);
  const outputs = dense.map(({ name }) => name);
  const at = async (threshold) => {
    const thresholds = new ort.Tensor('float32', new Float32Array(sites.length).fill(threshold), [
      sites.length,
    ]);
    const results = await session.run({ ...feeds, taustat_threshold: thresholds }, outputs);
    return answersOf(results);
  };
  const isRandom = /random|bernoulli|multinomial|dropout/.test(folder);
  const isChanged = !isRandom && !isSame(dense, await at(0));
  const nonFinite = [];
  for (const threshold of THRESHOLDS) {
    let pruned;
    try {
      pruned = await at(threshold);
    } catch (error) {
      return { sites: sites.length, isChanged, failed: `${threshold}: ${error.message}` };
    }
    if (!areFinite(dense) || areFinite(pruned)) continue;
    const taps = sites.map(({ tap }) => tap);
    const caught = await isCaught({ plain: bytes, gated, taps, feeds, outputs, threshold });
    nonFinite.push({ threshold, isCaught: caught });
  }
  return { sites: sites.length, isChanged, nonFinite };
}

for (const folder of process.argv.slice(2)) {
  process.stdout.write(`${JSON.stringify({ name: basename(folder), kind: 'begins' })}\n`);
  const outcome = await examined(folder).catch((error) => ({ failed: String(error.message) }));
  process.stdout.write(`${JSON.stringify({ name: basename(folder), kind: 'ends', ...outcome })}\n`);
}
process.exit(0);
