import { create } from '@bufbuild/protobuf';
import {
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataType,
  type TypeProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { ServingError } from '../config/errors.ts';
import { bakedGate, type GatePlace, liveGate, rowGate, rowThresholdsApart, thresholdsApart } from './gate.ts';
import { type GraphIndex, indexGraph } from './graph.ts';
import { assertComplete, decodeModel, encodeModel, standardOpset } from './model-file.ts';
import { denseName, gatePartName, THRESHOLD_INPUT, tapName } from './names.ts';
import { ranks } from './ranks.ts';
import { copyOf, tensorInfo } from './rewriting.ts';
import { readRows } from './row-independence.ts';
import { dataInput } from './rules/linear.ts';
import { findSites, type Site, type SiteOptions, type SkippedSite } from './sites.ts';
import { intsOf } from './sparse/nodes.ts';

/**
 * Where thresholds come from: the graph input `taustat_threshold` at every run, the same for all rows [S] or one for each [N, S],
 * or constants in the file.
 */
export type GateSource =
  | { readonly kind: 'input' }
  | { readonly kind: 'rows' }
  | { readonly kind: 'baked'; readonly thresholds: readonly number[] };

/** Which sites get a gate, and of what kind. */
export interface InstrumentOptions extends Partial<SiteOptions> {
  readonly gate?: GateSource;
  /** Whether every site is also shown, before its gate, as a graph output. Default true. */
  readonly taps?: boolean;
}

/** A model with its gates, and what was gated. */
export interface InstrumentedModel {
  readonly bytes: Uint8Array;
  readonly sites: readonly Site[];
  readonly skipped: readonly SkippedSite[];
}

/**
 * Writes a copy of a model with a gate, and a tap, at every site. The given model is not changed.
 *
 * Input gates read one float32 threshold per site from `taustat_threshold` [S], which must not be NaN. A model without a
 * site comes back as it was. A baked threshold of 0 adds no gate.
 *
 * Gates per row read `taustat_threshold` [N, S]: a server may join requests, each with thresholds of its own, and cut outputs and
 * taps apart again, since dimension 0 of all of them has one entry per row. A site whose rows cannot be followed is skipped.
 *
 * @throws ServingError MODEL_INVALID for what is no ONNX model or is already instrumented;
 *   CONFIG_INVALID for baked thresholds that are negative, NaN, or not one per site.
 */
export function instrument(
  source: ModelProto | Uint8Array,
  options: InstrumentOptions = {},
): InstrumentedModel {
  const { scheme = 'activations', include, exclude, gate = { kind: 'input' }, taps = true } = options;
  const model = source instanceof Uint8Array ? decodeModel(source) : source;
  const rows = gate.kind === 'rows' ? rowPlaces(model) : undefined;
  const { sites, skipped } = findSites(model, { scheme, include, exclude }, rows?.obstacle);
  if (gate.kind === 'baked') assertThresholds(gate.thresholds, sites);
  if (sites.length === 0) return { bytes: encodeModel(model), sites, skipped };
  return { bytes: encodeModel(rewrite(model, sites, { gate, taps, rows })), sites, skipped };
}

interface Plan {
  readonly gate: GateSource;
  readonly taps: boolean;
  /** Where the rows are, for gates per row. */
  readonly rows: RowPlaces | undefined;
}

/** Where the rows of a batch are in a model. */
export interface RowPlaces {
  /** Why a tensor cannot have thresholds per row; undefined: it can. */
  readonly obstacle: (tensor: string) => string | undefined;
  /** Axis of the rows, and number of dimensions, of a tensor without an obstacle. */
  readonly at: (tensor: string) => { readonly axis: number; readonly rank: number };
}

/** @throws ServingError MODEL_INVALID for what is no whole model. */
export function rowPlaces(model: ModelProto): RowPlaces {
  assertComplete(model);
  const { axisOf } = readRows(model);
  const rankOf = ranks(model.graph, indexGraph(model));
  return {
    obstacle: (tensor) => {
      if (axisOf(tensor) === undefined) return 'its rows are not apart: thresholds per row find no place';
      return rankOf.get(tensor) === undefined ? 'the number of dimensions is not known' : undefined;
    },
    at: (tensor) => ({ axis: axisOf(tensor)!, rank: rankOf.get(tensor)! }),
  };
}

function rewrite(model: ModelProto, sites: readonly Site[], plan: Plan): ModelProto {
  assertComplete(model);
  const graph = copyOf(model.graph);
  const opset = standardOpset(model);
  const index = indexGraph(model);
  const rankOf = ranks(model.graph, index);
  const sitesFor = (readers: Site['prunedFor']) => sites.filter(({ prunedFor }) => prunedFor === readers);
  const gateOf = (site: Site, from: string, to: string): NodeProto[] =>
    gateNodes({ site, from, to, opset, rank: rankOf.get(site.tensor) }, plan);
  const gatedInputs = gateInputs(index.nodes, index, sitesFor('linear-layers'), plan, gateOf);
  graph.node = gateOutputs(gatedInputs, sitesFor('all'), plan, gateOf);
  if (plan.gate.kind !== 'baked') {
    const isPerRow = plan.gate.kind === 'rows';
    const sizes = isPerRow ? [undefined, sites.length] : [sites.length];
    const apart = isPerRow ? rowThresholdsApart : thresholdsApart;
    graph.node = [apart(sites.length, opset), ...graph.node];
    graph.input = [...graph.input, tensorInfo(THRESHOLD_INPUT, TensorProto_DataType.FLOAT, sizes)];
  }
  if (plan.taps) {
    const types = new Map(
      [...model.graph.valueInfo, ...model.graph.input].map(({ name, type }) => [name, type]),
    );
    const taps = sites.map((site) =>
      isMoved(site, plan)
        ? tapInfo(site, undefined, rankOf.get(site.tensor))
        : tapInfo(site, types.get(site.tensor), rankOf.get(site.tensor)),
    );
    graph.output = [...graph.output, ...taps];
  }
  const copy = copyOf(model);
  copy.graph = graph;
  return copy;
}

type GateMaker = (site: Site, from: string, to: string) => NodeProto[];

/**
 * Gates at the producer: the producer writes to a new name and the gate takes over the old one, so that every reader, the
 * body of an If or a Loop too, gets the gated tensor without being touched.
 */
function gateOutputs(
  nodes: readonly NodeProto[],
  sites: readonly Site[],
  plan: Plan,
  gateOf: GateMaker,
): NodeProto[] {
  const byTensor = new Map(sites.map((site) => [site.tensor, site]));
  return nodes.flatMap((node) => {
    const added: NodeProto[] = [];
    const output = node.output.map((tensor) => {
      const site = byTensor.get(tensor);
      if (site === undefined || (!plan.taps && !hasGate(site, plan.gate))) return tensor;
      const moved = plan.taps && isMoved(site, plan);
      const dense = plan.taps && !moved ? tapName(site.index) : denseName(site.index);
      if (moved) added.push(shownAs(site, dense, plan));
      added.push(...(hasGate(site, plan.gate) ? gateOf(site, dense, tensor) : [identity(dense, tensor)]));
      return dense;
    });
    if (added.length === 0) return [node];
    const renamed = copyOf(node);
    renamed.output = output;
    return [renamed, ...added];
  });
}

/** Gates at the reader: the linear layers of a tensor read its gated copy, everything else the tensor as it was. */
function gateInputs(
  nodes: readonly NodeProto[],
  index: GraphIndex,
  sites: readonly Site[],
  plan: Plan,
  gateOf: GateMaker,
): NodeProto[] {
  const byTensor = new Map(sites.map((site) => [site.tensor, site]));
  const placed = new Set<Site>();
  return nodes.flatMap((node) => {
    const position = dataInput(node, index);
    const site = position === undefined ? undefined : byTensor.get(node.input[position] ?? '');
    if (position === undefined || site === undefined) return [node];
    const added: NodeProto[] = [];
    const gated = gatePartName(site.index, 'output');
    if (!placed.has(site)) {
      placed.add(site);
      if (hasGate(site, plan.gate)) added.push(...gateOf(site, site.tensor, gated));
      if (plan.taps) added.push(shownAs(site, site.tensor, plan));
    }
    if (!hasGate(site, plan.gate)) return [...added, node];
    const rewired = copyOf(node);
    rewired.input = node.input.map((tensor, i) => (i === position ? gated : tensor));
    return [...added, rewired];
  });
}

/** Whether the rows of a tap have to be brought to dimension 0, where a server that joins requests cuts outputs apart. */
function isMoved(site: Site, { rows }: Plan): boolean {
  return rows !== undefined && rows.at(site.tensor).axis !== 0;
}

/** The node that shows a tensor as the tap of its site. */
function shownAs(site: Site, tensor: string, plan: Plan): NodeProto {
  const tap = tapName(site.index);
  if (!isMoved(site, plan)) return identity(tensor, tap);
  const { axis, rank } = plan.rows!.at(site.tensor);
  const others = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis);
  const attribute = [intsOf('perm', [axis, ...others])];
  return create(NodeProtoSchema, {
    opType: 'Transpose',
    name: tap,
    input: [tensor],
    output: [tap],
    attribute,
  });
}

function gateNodes(place: GatePlace, { gate, rows }: Plan): NodeProto[] {
  if (gate.kind === 'rows') {
    const { axis, rank } = rows!.at(place.site.tensor);
    return rowGate(place, axis, rank);
  }
  return gate.kind === 'input' ? liveGate(place) : bakedGate(place, gate.thresholds[place.site.index] ?? 0);
}

function hasGate({ index }: Site, gate: GateSource): boolean {
  return gate.kind !== 'baked' || Math.fround(gate.thresholds[index] ?? 0) > 0;
}

function assertThresholds(thresholds: readonly number[], sites: readonly Site[]): void {
  if (thresholds.length !== sites.length) {
    const expected = `one for each of the ${sites.length} sites`;
    throw new ServingError(
      'CONFIG_INVALID',
      `baked thresholds: ${thresholds.length} values; expected ${expected}`,
    );
  }
  const wrong = thresholds.findIndex((threshold) => !(threshold >= 0));
  if (wrong >= 0) {
    throw new ServingError(
      'CONFIG_INVALID',
      `baked threshold ${wrong}: ${thresholds[wrong]}; expected a number ≥ 0`,
    );
  }
}

/** A tap has the type that the file declares for its tensor; else its element type, and its rank where that is known. */
function tapInfo(site: Site, declared: TypeProto | undefined, rank: number | undefined): ValueInfoProto {
  const isShaped = declared?.value.case === 'tensorType' && declared.value.value.shape !== undefined;
  if (declared !== undefined && isShaped)
    return create(ValueInfoProtoSchema, { name: site.tap, type: declared });
  const { FLOAT, FLOAT16 } = TensorProto_DataType;
  const dims = rank === undefined ? undefined : new Array<undefined>(rank).fill(undefined);
  return tensorInfo(site.tap, site.elementType === 'float16' ? FLOAT16 : FLOAT, dims);
}

function identity(from: string, to: string): NodeProto {
  return create(NodeProtoSchema, { opType: 'Identity', name: `${from}_${to}`, input: [from], output: [to] });
}
