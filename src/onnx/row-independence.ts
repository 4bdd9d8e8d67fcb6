/**
 * Whether requests may share a run: does dimension 0 of every output stay one row per row of the inputs, each made of its own
 * row alone? Read from the graph: the axis of the rows is followed from the inputs through every node.
 */
import type { ModelProto, NodeProto, ValueInfoProto } from 'onnx-buf';
import { subgraphs, tensorAttribute } from './attributes.ts';
import { numbersOf, numbersOfConstant } from './batch-axis/integers.ts';
import { MEETING } from './batch-axis/operators.ts';
import type { Reading } from './batch-axis/reading.ts';
import { ruleFor } from './batch-axis/rules.ts';
import { sizesBehind } from './batch-axis/sizes.ts';
import {
  type BatchState,
  type Dimensions,
  freeOf,
  isSteady,
  MET,
  rowsAt,
  sizesOf,
} from './batch-axis/state.ts';
import { type GraphIndex, indexGraph } from './graph.ts';
import { assertComplete, standardOpset } from './model-file.ts';
import { opOf } from './op.ts';
import { ranks } from './ranks.ts';

/** A node at which the rows of a batch may change one another, or an output that has none. */
export interface RowMeeting {
  /** The node's name, or the tensor's that it makes. */
  readonly node: string;
  readonly op: string;
  readonly reason: string;
}

/**
 * The nodes at which rows meet, in graph order; what follows from one of them is not told again. None: requests may share a
 * run. What is not known is taken for a meeting.
 *
 * @throws ServingError MODEL_INVALID for what is no whole model.
 */
export function rowMeetings(model: ModelProto): RowMeeting[] {
  return readRows(model).meetings;
}

/** Where the rows of a batch are in every tensor, and where they meet. */
export interface RowReading {
  readonly meetings: RowMeeting[];
  /** The axis with one entry per row of the inputs; undefined where there is none, or it is not known. */
  readonly axisOf: (tensor: string) => number | undefined;
}

/** @throws ServingError MODEL_INVALID for what is no whole model. */
export function readRows(model: ModelProto): RowReading {
  assertComplete(model);
  const graph = indexGraph(model);
  const meetings: RowMeeting[] = [];
  const states = initialStates(model, graph);
  const reading = readingOf(model, graph, states);
  for (const node of graph.nodes) {
    const outcome = outcomeOf(node, graph, reading);
    if (typeof outcome === 'string') {
      meetings.push({ node: node.name || (node.output[0] ?? ''), op: opOf(node), reason: outcome });
    }
    for (const [i, output] of node.output.entries()) {
      if (output !== '') states.set(output, typeof outcome === 'string' ? MET : (outcome[i] ?? MET));
    }
  }
  for (const { name } of model.graph.output) {
    const state = reading.state(name);
    if (state.kind === 'met' || (state.kind === 'rows' && state.axis === 0)) continue;
    meetings.push({ node: name, op: 'output', reason: 'its rows are not along dimension 0' });
  }
  const axisOf = (tensor: string): number | undefined => {
    const state = reading.state(tensor);
    return state.kind === 'rows' ? state.axis : undefined;
  };
  return { meetings, axisOf };
}

/** What a node makes of the batch, one state per output; a sentence: why rows meet there. */
function outcomeOf(node: NodeProto, graph: GraphIndex, reading: Reading): readonly BatchState[] | string {
  const op = opOf(node);
  const states = graph.reads(node).map(reading.state);
  if (states.some(({ kind }) => kind === 'met')) return node.output.map(() => MET);
  const random = MEETING.get(op);
  if (random === 'random numbers') return random;
  const sizes = sizesBehind(node, reading);
  if (sizes !== undefined) return [sizes];
  if (states.every(isSteady)) {
    const constant = tensorAttribute(node, 'value')?.dims.map(Number);
    if (op === 'Constant' && constant !== undefined) return [freeOf(constant.length, constant)];
    return node.output.map((output) => freeOf(reading.rank(output), reading.declared(output)));
  }
  if (subgraphs(node).length > 0) return `the body of ${op} is not followed`;
  if (graph.isLocalFunction(node)) return "a function of the model's own is not followed";
  return MEETING.get(op) ?? ruleFor(node, reading);
}

function initialStates(model: ModelProto, graph: GraphIndex): Map<string, BatchState> {
  const states = new Map<string, BatchState>();
  for (const { name, dims } of model.graph?.initializer ?? []) {
    states.set(name, freeOf(dims.length, dims.map(Number)));
  }
  for (const value of model.graph?.input ?? []) {
    if (!graph.isInput(value.name)) continue;
    const dims = declaredDims(value);
    states.set(value.name, rowsAt(0, dims?.length, dims));
  }
  return states;
}

function readingOf(model: ModelProto, graph: GraphIndex, states: ReadonlyMap<string, BatchState>): Reading {
  const { graph: proto } = model;
  if (proto === undefined) throw new Error('the graph is missing');
  const known = ranks(proto, graph);
  const numbers = new Map<string, readonly number[]>();
  const note = (name: string, found: readonly number[] | undefined): unknown =>
    found === undefined ? undefined : numbers.set(name, found);
  for (const tensor of proto.initializer) note(tensor.name, numbersOf(tensor));
  for (const node of graph.nodes) {
    if (opOf(node) === 'Constant') note(node.output[0] ?? '', numbersOfConstant(node));
  }
  const declared = new Map(
    [...proto.valueInfo, ...proto.output, ...proto.input].map((value) => [value.name, declaredDims(value)]),
  );
  return {
    opset: standardOpset(model),
    state: (tensor) => states.get(tensor) ?? (tensor === '' ? freeOf() : freeOf(known.get(tensor))),
    rank: (tensor) => known.get(tensor),
    declared: (tensor) => declared.get(tensor),
    numbers: (tensor) => {
      const constant = numbers.get(tensor);
      if (constant !== undefined) return constant;
      const state = states.get(tensor);
      if (state?.kind !== 'sizes') return undefined;
      return state.entries?.every((entry) => typeof entry === 'number') ? state.entries : undefined;
    },
    sizes: (tensor) => {
      const state = states.get(tensor);
      if (state?.kind === 'sizes') return state;
      const constant = numbers.get(tensor);
      if (constant === undefined || (state !== undefined && state.kind !== 'free')) return undefined;
      const rank = known.get(tensor) ?? (state?.kind === 'free' ? state.rank : undefined);
      const sizes = sizesOf(constant, rank === 0);
      return sizes.kind === 'sizes' ? sizes : undefined;
    },
  };
}

function declaredDims({ type }: ValueInfoProto): Dimensions | undefined {
  const shape = type?.value.case === 'tensorType' ? type.value.value.shape : undefined;
  return shape?.dim.map(({ value }) =>
    value.case === 'dimValue' && value.value >= 0n ? Number(value.value) : undefined,
  );
}
