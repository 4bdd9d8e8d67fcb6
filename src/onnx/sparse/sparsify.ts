/**
 * Writes a copy of a model in which chosen linear layers skip the zeros of what they read: operators of the domain
 * `ai.taustat`, whose code is in `native/`.
 *
 * A site is gated where it costs least, always with the result that the instrumented model has:
 *
 *   by the layer that makes it   where that layer is sparse: what it puts out is compared in its registers
 *   by the layers that read it   where all of them are sparse: they look for zeros anyway
 *   by nodes of its own          elsewhere, as in the instrumented model; such nodes cost time
 */
import { create } from '@bufbuild/protobuf';
import { type NodeProto, NodeProtoSchema, OperatorSetIdProtoSchema, TensorProto_DataType } from 'onnx-buf';
import { intAttribute, intsAttribute } from '../attributes.ts';
import { liveGate, rowGate, rowThresholdsApart, thresholdsApart } from '../gate.ts';
import { type GraphIndex, indexGraph } from '../graph.ts';
import { type DecodedModel, encodeModel, standardOpset } from '../model-file.ts';
import {
  denseName,
  gatePartName,
  HISTOGRAMS_OUTPUT,
  histogramName,
  MEASURE_INPUT,
  THRESHOLD_INPUT,
} from '../names.ts';
import { opOf } from '../op.ts';
import { ranks } from '../ranks.ts';
import { copyOf, tensorInfo } from '../rewriting.ts';
import type { RowReading } from '../row-independence.ts';
import { dataInput } from '../rules/linear.ts';
import type { Site } from '../sites.ts';
import { chained } from './chains.ts';
import { type Fusion, fusionsOf } from './fusions.ts';
import { floatOf, intOf, intsOf, SPARSE_DOMAIN, sparseNode, stringOf } from './nodes.ts';
import { commutes, type SparseOperator } from './operators.ts';

/** What compares a site with its threshold; `none`: its threshold has no effect. */
export type GatedBy = 'maker' | 'readers' | 'mask' | 'none';

/** Which sites are gated: those of a list [sites], all, or those whose zeros a sparse layer skips without nodes of their own. */
export type GatedSites = 'all' | 'where-it-pays' | readonly boolean[];

export interface SparseModel {
  readonly bytes: Uint8Array;
  /** One per site. */
  readonly gatedBy: readonly GatedBy[];
}

/** A model for a server that taustat stands in front of. */
export interface ForServer {
  /** Where the rows of the batch are, in every site too; undefined: rows meet, so that a server must not join requests. */
  readonly axisOf: RowReading['axisOf'] | undefined;
}

/**
 * The model's thresholds are the input `taustat_threshold` [S], as in the instrumented model, which answers the same up to
 * rounding.
 *
 * For a server they are [N, S], a row for each row of the batch, so that it may join requests; and the output `taustat_histograms`
 * [N, …] has for each row what passes the gates, where the input `taustat_measure` [N, 1] asks for it. Where rows meet, thresholds are
 * [S] and all rows are measured as one, N = 1.
 *
 * @param sites - of the model.
 * @param chosen - the layers that become sparse; none: every gated site gets nodes of its own.
 * @param server - sites are float32 then.
 */
export function sparsify(
  model: DecodedModel,
  sites: readonly Site[],
  chosen: readonly SparseOperator[],
  gated: GatedSites = 'all',
  server?: ForServer,
): SparseModel {
  const rows = server?.axisOf;
  const index = indexGraph(model);
  const opset = standardOpset(model);
  const rankOf = ranks(model.graph, index);
  const siteOf = new Map(sites.map((site) => [site.tensor, site]));
  const fusions = fusionsOf(model, index, chosen, (tensor) => siteOf.get(tensor)?.prunedFor === 'all');
  const sparseOf = new Map(fusions.map((fusion) => [fusion.operator.node, fusion]));
  /** Whether the operator knows which thresholds are whose: one that reads rows of all requests mixed up does not. */
  const canGate = ({ kind, node }: SparseOperator): boolean => {
    const axis = rows?.(node.input[0] ?? '');
    return rows === undefined || (kind === 'conv' ? axis === 0 : axis !== undefined);
  };
  const isSparse = (node: NodeProto): boolean => {
    const fusion = sparseOf.get(node);
    return fusion !== undefined && canGate(fusion.operator);
  };
  const makers = new Set(fusions.flatMap(({ output, operator }) => (canGate(operator) ? [output] : [])));
  const skipped = new Set(chosen.map(({ site }) => site?.index));
  const isGated = (site: Site): boolean => {
    if (gated === 'where-it-pays') return skipped.has(site.index);
    return gated === 'all' || gated[site.index] === true;
  };
  const gatedBy = sites.map((site): GatedBy => {
    if (!isGated(site)) return 'none';
    const isForAll = site.prunedFor === 'all';
    if (isForAll && makers.has(site.tensor)) return 'maker';
    const haveSparseReaders = isForAll
      ? readBySparseOnly(site, index, isSparse)
      : linearReaders(site, index).every(isSparse);
    if (haveSparseReaders) return 'readers';
    return gated === 'where-it-pays' ? 'none' : 'mask';
  });
  const maskOf = (site: Site, from: string, to: string): NodeProto[] => {
    const rank = rankOf.get(site.tensor);
    const axis = rows?.(site.tensor);
    const place = { site, from, to, opset, rank };
    return axis === undefined || rank === undefined ? liveGate(place) : rowGate(place, axis, rank);
  };
  const masked = (tensor: string): Site | undefined => {
    const site = siteOf.get(tensor);
    return site !== undefined && gatedBy[site.index] === 'mask' ? site : undefined;
  };

  const maskedFor = (readers: Site['prunedFor']) => (tensor: string) => {
    const site = masked(tensor);
    return site?.prunedFor === readers ? site : undefined;
  };
  const withInputMasks = inputMasks(index, maskedFor('linear-layers'), maskOf);
  /** A node as it was, and the gates of what it makes or reads. */
  const withMasks = (node: NodeProto): NodeProto[] =>
    withInputMasks(node).flatMap((each) => maskOutputs(each, maskedFor('all'), maskOf));
  const sparseNodes = new Map(
    fusions.map((fusion) => [
      fusion.nodes.at(-1),
      nodeOf(fusion, siteOf, gatedBy, canGate(fusion.operator), rows),
    ]),
  );
  const joined = new Set(fusions.flatMap(({ nodes }) => nodes));
  const graph = copyOf(model.graph);
  const nodes = index.nodes.flatMap((node) => {
    const sparse = sparseNodes.get(node);
    if (sparse !== undefined) return [sparse];
    return joined.has(node) ? [] : withMasks(node);
  });
  const channelsOf = new Map(fusions.map(({ output, operator }) => [output, operator.weight[0] ?? 0]));
  const shown = server === undefined ? [] : histogramNodes(sites, gatedBy, rows, channelsOf);
  graph.node = chained([...nodes, ...shown], index.isOutput, channelsOf);
  const apart = rows === undefined ? thresholdsApart : rowThresholdsApart;
  if (gatedBy.includes('mask')) graph.node = [apart(sites.length, opset), ...graph.node];
  const { FLOAT, DOUBLE } = TensorProto_DataType;
  const sizes = rows === undefined ? [sites.length] : [undefined, sites.length];
  graph.input = [...graph.input, tensorInfo(THRESHOLD_INPUT, FLOAT, sizes)];
  if (shown.length > 0) {
    graph.input = [...graph.input, tensorInfo(MEASURE_INPUT, FLOAT, [undefined, 1])];
    graph.output = [...graph.output, tensorInfo(HISTOGRAMS_OUTPUT, DOUBLE, [undefined, undefined])];
  }
  const copy = copyOf(model);
  copy.graph = graph;
  if (fusions.length > 0 || shown.length > 0) {
    const domain = create(OperatorSetIdProtoSchema, { domain: SPARSE_DOMAIN, version: 1n });
    copy.opsetImport = [...model.opsetImport, domain];
  }
  return { bytes: encodeModel(copy), gatedBy };
}

/** For each row of the batch, the histograms of all sites one after the other. */
function histogramNodes(
  sites: readonly Site[],
  gatedBy: readonly GatedBy[],
  axisOf: RowReading['axisOf'] | undefined,
  channelsOf: ReadonlyMap<string, number>,
): NodeProto[] {
  if (sites.length === 0) return [];
  const histograms = sites.map(({ index, tensor }) => {
    const channels = channelsOf.get(tensor);
    return sparseNode(
      'RowHistograms',
      { input: [tensor, THRESHOLD_INPUT, MEASURE_INPUT], output: histogramName(index) },
      [
        intOf('site', gatedBy[index] === 'none' ? -1 : index),
        intOf('row_axis', axisOf?.(tensor) ?? -1),
        ...(channels === undefined ? [] : [intOf('channels', channels)]),
      ],
    );
  });
  const joined = create(NodeProtoSchema, {
    opType: 'Concat',
    name: HISTOGRAMS_OUTPUT,
    input: sites.map(({ index }) => histogramName(index)),
    output: [HISTOGRAMS_OUTPUT],
    attribute: [intOf('axis', 1)],
  });
  return [...histograms, joined];
}

/** Whether nothing but sparse layers sees the tensor, directly or through operators that commute with a threshold. */
function readBySparseOnly(
  { tensor, isNonNegative }: Site,
  index: GraphIndex,
  isSparse: (node: NodeProto) => boolean,
): boolean {
  const open = [tensor];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (index.isOutput(name)) return false;
    for (const node of index.consumers(name)) {
      if (isSparse(node) && node.input.indexOf(name) === 0) continue;
      const passes = commutes(node) && (isNonNegative || opOf(node) !== 'MaxPool') && node.input[0] === name;
      if (!passes) return false;
      open.push(node.output[0] ?? '');
    }
  }
  return true;
}

/** The layers that read a site pruned. */
function linearReaders({ tensor }: Site, index: GraphIndex): readonly NodeProto[] {
  return index.consumers(tensor).filter((node) => {
    const position = dataInput(node, index);
    return position !== undefined && node.input[position] === tensor;
  });
}

type MaskMaker = (site: Site, from: string, to: string) => NodeProto[];

function maskOutputs(
  node: NodeProto,
  masked: (tensor: string) => Site | undefined,
  maskOf: MaskMaker,
): NodeProto[] {
  const masks: NodeProto[] = [];
  const output = node.output.map((tensor) => {
    const site = masked(tensor);
    if (site === undefined) return tensor;
    masks.push(...maskOf(site, denseName(site.index), tensor));
    return denseName(site.index);
  });
  if (masks.length === 0) return [node];
  const renamed = copyOf(node);
  renamed.output = output;
  return [renamed, ...masks];
}

/** Layers that stay dense read a gated copy, which is made before the first of them. */
function inputMasks(
  index: GraphIndex,
  masked: (tensor: string) => Site | undefined,
  maskOf: MaskMaker,
): (node: NodeProto) => NodeProto[] {
  const placed = new Set<Site>();
  return (node) => {
    const position = dataInput(node, index);
    const site = position === undefined ? undefined : masked(node.input[position] ?? '');
    if (position === undefined || site === undefined) return [node];
    const gated = gatePartName(site.index, 'output');
    const masks = placed.has(site) ? [] : maskOf(site, site.tensor, gated);
    placed.add(site);
    const rewired = copyOf(node);
    rewired.input = node.input.map((tensor, i) => (i === position ? gated : tensor));
    return [...masks, rewired];
  };
}

function nodeOf(
  { operator, bias, residual, activation, output }: Fusion,
  siteOf: ReadonlyMap<string, Site>,
  gatedBy: readonly GatedBy[],
  canGate: boolean,
  axisOf: RowReading['axisOf'] | undefined,
): NodeProto {
  const { node, kind, name, site } = operator;
  const made = siteOf.get(output);
  const outputSite = made !== undefined && gatedBy[made.index] === 'maker' ? made.index : -1;
  const gates = site === undefined ? 'none' : gatedBy[site.index];
  const looksAtInput = gates === 'readers' || (gates === 'mask' && site?.prunedFor === 'linear-layers');
  const inputSite = site !== undefined && looksAtInput && canGate ? site.index : -1;
  const attribute = [
    intOf('input_site', inputSite),
    intOf('output_site', outputSite),
    stringOf('activation', activation.kind),
  ];
  if (activation.kind === 'clip') {
    attribute.push(floatOf('min', activation.min), floatOf('max', activation.max));
  }
  const thresholds = canGate ? THRESHOLD_INPUT : '';
  const inputs = [node.input[0] ?? '', node.input[1] ?? '', bias, thresholds];
  if (kind === 'conv') {
    attribute.push(
      intsOf('strides', intsAttribute(node, 'strides') ?? [1, 1]),
      intsOf('pads', intsAttribute(node, 'pads') ?? [0, 0, 0, 0]),
      intsOf('dilations', intsAttribute(node, 'dilations') ?? [1, 1]),
    );
    if (residual !== '') inputs.push(residual);
  } else {
    attribute.push(intOf('transB', intAttribute(node, 'transB') ?? 0));
    const axis = axisOf?.(node.input[0] ?? '') ?? 0;
    if (axis > 0) attribute.push(intOf('row_axis', axis));
  }
  return sparseNode(
    kind === 'conv' ? 'SparseConv' : 'SparseMatMul',
    { name, input: inputs, output },
    attribute,
  );
}
