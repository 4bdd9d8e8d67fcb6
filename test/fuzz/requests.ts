import { deflateSync, gzipSync } from 'node:zlib';
import { binarySize, writeBinary } from '../../src/protocol/binary/binary-codec.ts';
import type { ModelMetadata, Tensor } from '../../src/protocol/types.ts';
import { Dice } from './dice.ts';
import { leaf, list, type Members, members, type Tree, text, write } from './json-tree.ts';
import { mutateBytes, mutateTree } from './mutations.ts';
import { elementTexts, randomTensor } from './tensors.ts';

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Set for a request that nothing was done to: it must be answered, with these tensors. */
  readonly inputs?: readonly Tensor[];
}

/** What is done to a request, and how often. */
const TREATMENTS = ['none', 'tree', 'tree', 'tree', 'bytes', 'bytes', 'headers', 'raw', 'path'] as const;
const HEADER = 'Inference-Header-Content-Length';

/** Request number `index` of a seed: well-formed, then treated so that it mostly is not any more. */
export function fuzzRequest(seed: number, index: number, models: readonly ModelMetadata[]): FuzzRequest {
  const dice = new Dice(seed + index);
  const model = dice.pick(models);
  const path = `/v2/models/${encodeURIComponent(model.name)}/infer`;
  const treatment = dice.pick(TREATMENTS);
  if (treatment === 'raw') return { ...post(path), headers: rawHeaders(dice), body: noise(dice) };
  if (treatment === 'path') return elsewhere(model, dice);
  const inputs = randomInputs(model, dice);
  const isBinary =
    dice.chance(0.5) || inputs.some(({ datatype }) => datatype === 'FP16' || datatype === 'BF16');
  const tree = requestTree(inputs, isBinary, dice);
  if (treatment === 'tree') for (let i = 1 + dice.below(3); i > 0; i--) mutateTree(tree, dice);
  const head = Buffer.from(write(tree));
  const data = isBinary ? inputs.map(binaryOf) : [];
  const whole = Buffer.concat([head, ...data]);
  const request = {
    ...post(path),
    headers: isBinary ? { [HEADER]: String(head.byteLength) } : {},
    body: whole,
  };
  if (treatment === 'none') return { ...encoded(request, dice), inputs };
  if (treatment === 'bytes') return { ...request, body: mutateBytes(whole, dice) };
  return treatment === 'headers' ? withOddHeaders(request, dice) : request;
}

const post = (path: string) => ({ method: 'POST', path });

function randomInputs(model: ModelMetadata, dice: Dice): readonly Tensor[] {
  const names = model.inputs.flatMap(({ dimensionNames }) => dimensionNames ?? []);
  const sizes = new Map(names.filter((name) => name !== undefined).map((name) => [name, dice.below(4)]));
  return model.inputs.map((spec) => randomTensor(spec, sizes, dice));
}

function requestTree(inputs: readonly Tensor[], isBinary: boolean, dice: Dice): Members {
  const entries: (readonly [string, Tree])[] = [
    ['inputs', list(inputs.map((input) => inputTree(input, isBinary)))],
  ];
  if (dice.chance(0.3)) entries.push(['id', text(`request ${dice.below(100)}`)]);
  const parameters: (readonly [string, Tree])[] = [
    ['binary_data_output', leaf(String(isBinary || dice.chance(0.3)))],
  ];
  if (dice.chance(0.2)) parameters.push(['pruning', text('off')]);
  entries.push(['parameters', members(parameters)]);
  if (dice.chance(0.3)) entries.push(['outputs', list([])]);
  return members(entries);
}

function inputTree(input: Tensor, isBinary: boolean): Tree {
  const shape = list(input.shape.map((size) => leaf(String(size))));
  const elements: readonly [string, Tree] = isBinary
    ? ['parameters', members([['binary_data_size', leaf(String(binarySize(input)))]])]
    : ['data', list(elementTexts(input).map(leaf))];
  return members([
    ['name', text(input.name)],
    ['datatype', text(input.datatype)],
    ['shape', shape],
    elements,
  ]);
}

function binaryOf(tensor: Tensor): Uint8Array {
  const bytes = new Uint8Array(binarySize(tensor));
  writeBinary(tensor, bytes, 0);
  return bytes;
}

/** Sometimes compressed: still well-formed. */
function encoded(request: FuzzRequest, dice: Dice): FuzzRequest {
  if (!dice.chance(0.1)) return request;
  const [encoding, encode] = dice.pick([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const);
  const headers = { ...request.headers, 'Content-Encoding': encoding };
  return { ...request, headers, body: encode(request.body) };
}

const ODD_LENGTHS = ['0', '1', '-1', 'abc', '', '2147483648', '99999999999999999999', '1e3', '0x10'] as const;

function rawHeaders(dice: Dice): Record<string, string> {
  if (dice.chance(0.3)) return { [HEADER]: dice.pick(ODD_LENGTHS) };
  return dice.chance(0.3) ? { 'Content-Encoding': dice.pick(['gzip', 'deflate', 'br', 'identity']) } : {};
}

function withOddHeaders(request: FuzzRequest, dice: Dice): FuzzRequest {
  const length = dice.chance(0.5) ? dice.pick(ODD_LENGTHS) : String(dice.below(request.body.length + 8));
  if (dice.chance(0.5)) return { ...request, headers: { ...request.headers, [HEADER]: length } };
  const [encoding, encode] = dice.pick([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const);
  const body = mutateBytes(encode(request.body), dice);
  return { ...request, headers: { ...request.headers, 'Content-Encoding': encoding }, body };
}

const PROTOCOL_WORDS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '"inputs"',
  '"data":[',
  '1',
  '-',
  'e',
  'N',
  'tru',
];

/** Bytes that nobody wrote, or words of the protocol in no order. */
function noise(dice: Dice): Uint8Array {
  if (dice.chance(0.5)) return dice.bytes(dice.below(200));
  return Buffer.from(Array.from({ length: dice.below(60) }, () => dice.pick(PROTOCOL_WORDS)).join(''));
}

const SUFFIXES = [
  '',
  '/',
  '/ready',
  '/infer',
  '/stats',
  '/versions/1',
  '/versions/1/infer',
  '/versions/x/ready',
];
const PLACES = [
  '/v2',
  '/v2/',
  '/v2/health/live',
  '/v2/health/ready',
  '/v2/models/stats',
  '/v2/repository/index',
  '/x',
];

/** Another endpoint, verb or name. */
function elsewhere(model: ModelMetadata, dice: Dice): FuzzRequest {
  const method = dice.pick(['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);
  const names = [model.name, 'none', '%2e%2e', 'a%2fb', '%zz', '%00', '__proto__', '%F0%9F', 'x'.repeat(300)];
  const path = dice.chance(0.3) ? dice.pick(PLACES) : `/v2/models/${dice.pick(names)}${dice.pick(SUFFIXES)}`;
  const body = method === 'GET' || method === 'HEAD' ? new Uint8Array() : noise(dice);
  return { method, path, headers: {}, body };
}
