// Codecs on a large tensor against what the engine does at best: `npm run bench:codecs`.
// Every round runs the two arms A B B A; ratios are taken within a round.

import { parseArgs } from 'node:util';
import { xorshift } from '../dist/drift/xorshift.js';
import { decodeInferRequest } from '../dist/protocol/decode-request.js';
import { encodeInferResponse } from '../dist/protocol/encode-response.js';
import { spread } from '../dist/tools/bench/spread.js';

const { values: options } = parseArgs({
  options: {
    floats: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '9' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`usage: npm run bench:codecs [-- OPTION …]
  --floats N  size of the tensor, in whole thousands (1000000)
  --rounds N  rounds, of which each runs both arms twice (9)
  --json      one line of JSON instead of a table`);
  process.exit();
}

const ROWS = Math.max(1, Math.round(Number(options.floats) / 1000));
const COUNT = 1000 * ROWS;
const ROUNDS = Number(options.rounds);
const random = xorshift(1);
const gaussian = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** @type {import('../dist/protocol/types.js').ModelMetadata} */
const model = {
  name: 'm',
  versions: ['1'],
  platform: '',
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1000] }],
  outputs: [],
};
const values = Float32Array.from({ length: COUNT }, gaussian);
/** Numbers as float32 clients write them, as few digits as say which, and as Python's json does, in float64. */
const short = Array.from(values, (value) => Number(value.toPrecision(8)));
const long = Array.from({ length: COUNT }, gaussian);
const nested = Array.from({ length: ROWS }, (_, i) => short.slice(1000 * i, 1000 * (i + 1)));

/** @param {string} data */
const request = (data) =>
  Buffer.from(`{"inputs":[{"name":"x","shape":[${ROWS},1000],"datatype":"FP32","data":${data}}]}`);
const texts = { 'flat, 8 digits': short, 'flat, 17 digits': long, 'nested, 8 digits': nested };
const head = Buffer.from(
  `{"inputs":[{"name":"x","shape":[${ROWS},1000],"datatype":"FP32","parameters":{"binary_data_size":${4 * COUNT}}}]}`,
);
/** The server puts binary data where it is aligned. @param {number} misalignment */
function binaryBody(misalignment) {
  const whole = new Uint8Array(8 + head.length + values.byteLength + 8);
  const start = ((4 - (head.length % 4)) % 4) + misalignment;
  const body = whole.subarray(start, start + head.length + values.byteLength);
  body.set(head);
  body.set(new Uint8Array(values.buffer), head.length);
  return body;
}

/** @type {{ name: string; subject: () => unknown; baseline: () => unknown; against: string; limit?: number }[]} */
const arms = Object.entries(texts).map(([name, data]) => {
  const body = request(JSON.stringify(data));
  return {
    name: `decode JSON, ${name}`,
    subject: () => decodeInferRequest(body, undefined, model, {}),
    baseline: () => {
      const { data: parsed } = JSON.parse(body.toString()).inputs[0];
      return new Float32Array(data === nested ? parsed.flat() : parsed);
    },
    against: 'JSON.parse, new Float32Array',
  };
});
for (const [name, misalignment] of /** @type {const} */ ([
  ['as the server places it', 0],
  ['misaligned', 1],
])) {
  const body = binaryBody(misalignment);
  arms.push({
    name: `decode binary, ${name}`,
    subject: () => decodeInferRequest(body, head.length, model, {}),
    baseline: () => body.slice(head.length),
    against: 'one copy of the bytes',
  });
}
/** @type {import('../dist/protocol/types.js').InferResponse} */
const response = {
  modelName: 'm',
  modelVersion: '1',
  parameters: {},
  outputs: [{ name: 'y', datatype: 'FP32', shape: [ROWS, 1000], elements: values }],
};
arms.push(
  {
    name: 'encode JSON',
    subject: () => encodeInferResponse(response, { parameters: {} }, 'bare'),
    baseline: () => Buffer.from(JSON.stringify({ data: Array.from(values) })),
    against: 'Array.from, JSON.stringify',
  },
  {
    name: 'encode binary',
    subject: () => encodeInferResponse(response, { parameters: { binary_data_output: true } }, 'bare'),
    baseline: () => new Uint8Array(values.buffer).slice(),
    against: 'one copy of the bytes',
  },
);

/** @param {() => unknown} work @param {number} repeats */
function timed(work, repeats) {
  const started = performance.now();
  for (let i = 0; i < repeats; i++) work();
  return (performance.now() - started) / repeats;
}

const rows = arms.map(({ name, subject, baseline, against }) => {
  timed(subject, 3);
  timed(baseline, 3);
  const repeats = Math.max(1, Math.ceil(20 / timed(baseline, 1)));
  const ratios = [];
  const ms = [];
  for (let round = 0; round < ROUNDS; round++) {
    const a1 = timed(subject, repeats);
    const b = timed(baseline, repeats) + timed(baseline, repeats);
    const a = a1 + timed(subject, repeats);
    ratios.push(a / b);
    ms.push(a / 2);
  }
  return { name, ms: spread(ms).median, against, ratio: spread(ratios) };
});
if (options.json) console.log(JSON.stringify(rows));
else
  console.table(
    rows.map(({ name, ms, against, ratio }) => ({
      [`${COUNT.toLocaleString('en')} floats`]: name,
      'median ms': ms.toFixed(3),
      ratio: `${ratio.median.toFixed(2)} [${ratio.low.toFixed(2)} – ${ratio.high.toFixed(2)}]`,
      against,
    })),
  );
