/**
 * Lets sparse convolutions hand each other tensors in the bordered layout, which is how they read and write fastest: channels
 * last, with a column of zeros on either side.
 *
 * A convolution puts out a bordered tensor where every reader takes one: a convolution as its input, a convolution that puts
 * out a bordered tensor as its residual, a MaxPool without pads whose own readers do, what bins it. A residual has the layout of the output
 * that it is added to, so a convolution whose residual comes bordered stays so, and readers that know NCHW only get a copy.
 */
import type { NodeProto } from 'onnx-buf';
import { hasAttribute, intAttribute, intsAttribute, stringAttribute } from '../attributes.ts';
import { borderedName } from '../names.ts';
import { opOf } from '../op.ts';
import { readsOf } from '../order.ts';
import { copyOf } from '../rewriting.ts';
import { intOf, SPARSE_DOMAIN, sparseNode, stringOf } from './nodes.ts';

const INPUT = 0;
const RESIDUAL = 4;

/**
 * @param nodes - of a graph with sparse convolutions, each after those that it reads from.
 * @param isOutput - whether a tensor is an output of the graph.
 * @param channelsOf - channels of what a sparse convolution puts out.
 */
export function chained(
  nodes: readonly NodeProto[],
  isOutput: (tensor: string) => boolean,
  channelsOf: ReadonlyMap<string, number>,
): NodeProto[] {
  const readers = new Map<string, NodeProto[]>();
  for (const node of nodes)
    for (const tensor of readsOf(node)) readers.set(tensor, [...(readers.get(tensor) ?? []), node]);
  const bordered = borderedTensors(nodes, isOutput, readers);
  const isBordered = (tensor: string | undefined): boolean => bordered.has(tensor ?? '');
  const needsCopy = (tensor: string): boolean =>
    isOutput(tensor) || !(readers.get(tensor) ?? []).every((node) => takesBordered(node, tensor, bordered));
  const placed = new Set<string>();
  return nodes.flatMap((node) => {
    const [output = ''] = node.output;
    const isPassedOn = isBordered(output);
    if (poolOf(node) !== undefined && isPassedOn) return [borderedPool(node)];
    const [read = ''] = node.input;
    if (isHistogram(node) && isBordered(read)) return [borderedHistogram(node)];
    if (!isSparseConv(node)) return [node];
    const before: NodeProto[] = [];
    const rewired = copyOf(node);
    rewired.input = node.input.map((tensor, i) => {
      if (i === INPUT) return isBordered(tensor) ? borderedName(tensor) : tensor;
      if (i !== RESIDUAL || !isPassedOn) return tensor;
      if (!isBordered(tensor) && !placed.has(tensor)) {
        placed.add(tensor);
        before.push(sparseNode('ToBordered', { input: [tensor], output: borderedName(tensor) }));
      }
      return borderedName(tensor);
    });
    rewired.output = [isPassedOn ? borderedName(output) : output];
    rewired.attribute = [
      ...node.attribute,
      stringOf('input_layout', isBordered(node.input[INPUT]) ? 'bordered' : 'nchw'),
      stringOf('output_layout', isPassedOn ? 'bordered' : 'nchw'),
    ];
    if (!isPassedOn || !needsCopy(output)) return [...before, rewired];
    const channels = intOf('channels', channelsOf.get(output) ?? 0);
    const copy = sparseNode('FromBordered', { input: [borderedName(output)], output }, [channels]);
    return [...before, rewired, copy];
  });
}

/** The largest set of tensors that can be bordered together. */
function borderedTensors(
  nodes: readonly NodeProto[],
  isOutput: (tensor: string) => boolean,
  readers: ReadonlyMap<string, readonly NodeProto[]>,
): ReadonlySet<string> {
  const makers = new Map(
    nodes.flatMap((node): [string, NodeProto][] =>
      isSparseConv(node) || poolOf(node) !== undefined ? [[node.output[0] ?? '', node]] : [],
    ),
  );
  const bordered = new Set(makers.keys());
  const suitsReaders = (tensor: string): boolean =>
    !isOutput(tensor) && (readers.get(tensor) ?? []).every((node) => takesBordered(node, tensor, bordered));
  const stays = (tensor: string, maker: NodeProto): boolean =>
    isSparseConv(maker)
      ? suitsReaders(tensor) || bordered.has(maker.input[RESIDUAL] ?? '')
      : suitsReaders(tensor) && bordered.has(maker.input[0] ?? '');
  for (let before = -1; before !== bordered.size; ) {
    before = bordered.size;
    for (const [tensor, maker] of makers) if (!stays(tensor, maker)) bordered.delete(tensor);
  }
  return bordered;
}

function takesBordered(node: NodeProto, tensor: string, bordered: ReadonlySet<string>): boolean {
  if (isHistogram(node)) return hasAttribute(node, 'channels');
  const isPassedOn = bordered.has(node.output[0] ?? '');
  if (!isSparseConv(node)) return poolOf(node) !== undefined && isPassedOn;
  return node.input.every((input, i) => input !== tensor || i === INPUT || (i === RESIDUAL && isPassedOn));
}

function isSparseConv(node: NodeProto): boolean {
  return node.domain === SPARSE_DOMAIN && node.opType === 'SparseConv';
}

function isHistogram(node: NodeProto): boolean {
  return node.domain === SPARSE_DOMAIN && node.opType === 'RowHistograms';
}

function borderedHistogram(node: NodeProto): NodeProto {
  const rewired = copyOf(node);
  rewired.input = [borderedName(node.input[0] ?? ''), ...node.input.slice(1)];
  rewired.attribute = [...node.attribute, stringOf('layout', 'bordered')];
  return rewired;
}

interface Pool {
  readonly kernel: number;
  readonly stride: number;
}

/** A MaxPool with a form for bordered tensors: square, without pads or dilations. */
function poolOf(node: NodeProto): Pool | undefined {
  if (opOf(node) !== 'MaxPool' || node.output.length !== 1) return undefined;
  const [kernel, other, ...rest] = intsAttribute(node, 'kernel_shape') ?? [];
  const [stride = 1, otherStride = 1] = intsAttribute(node, 'strides') ?? [];
  const padding = stringAttribute(node, 'auto_pad', 'NOTSET');
  const isPlain =
    (padding === 'NOTSET' || padding === 'VALID') &&
    (intsAttribute(node, 'pads') ?? []).every((pad) => pad === 0) &&
    (intsAttribute(node, 'dilations') ?? []).every((dilation) => dilation === 1) &&
    (intAttribute(node, 'ceil_mode') ?? 0) === 0;
  if (kernel === undefined || kernel !== other || rest.length > 0 || stride !== otherStride || !isPlain)
    return undefined;
  return { kernel, stride };
}

function borderedPool(node: NodeProto): NodeProto {
  const { kernel, stride } = poolOf(node) as Pool;
  const [input = ''] = node.input;
  const [output = ''] = node.output;
  return sparseNode(
    'BorderedMaxPool',
    { name: node.name, input: [borderedName(input)], output: borderedName(output) },
    [intOf('kernel', kernel), intOf('stride', stride)],
  );
}
