/**
 * The gate as ONNX nodes:
 *
 *   live, and signed or float16   y = x · 1{|x| ≥ τ}       Mul(x, Cast(GreaterOrEqual(Abs(x), τ)))
 *   baked, float32, x ≥ 0         y = x · clip(αx + β, 0, 1)   α = 1/(τ − τ⁻), β = −α·τ⁻, τ⁻ the float32 below τ
 *
 * In the second form α is a power of two, so αx and β are exact in float32 and αx + β is ≤ 0 at τ⁻ and below and ≥ 1 at
 * τ and above: the same step, ties kept, with or without fused multiply-add; HardSigmoid and Mul stay in a blocked layout.
 *   per row                       the first form; τ [N, S] is cut into columns, each shaped to lie along the rows of x
 *
 * Abs is dropped where x ≥ 0. GreaterOrEqual exists since opset 12; before, Not(Less) is the same for every number.
 * NaN passes (NaN · 0 is NaN), an infinity passes (it is ≥ τ). float16 is compared in float32, so that the cut is at τ itself
 * and not at τ rounded.
 */
import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
} from 'onnx-buf';
import { gatePartName, RESERVED_PREFIX, THRESHOLD_INPUT } from './names.ts';
import type { Site } from './sites.ts';

const { FLOAT, FLOAT16, INT64 } = TensorProto_DataType;

/** A gate between two tensors: `from` holds the activations, `to` gets those that pass. */
export interface GatePlace {
  readonly site: Site;
  readonly from: string;
  readonly to: string;
  readonly opset: number;
  /** Number of dimensions of the activations; undefined where it cannot be told. */
  readonly rank: number | undefined;
}

/**
 * The threshold input as one tensor [1] per site.
 *
 * One node, since an input that as many nodes read as there are sites takes ONNX Runtime a time to load that grows with the
 * square of their number: 50 s for 4,000 sites, 2 s so.
 */
export function thresholdsApart(sites: number, opset: number): NodeProto {
  const outputs = Array.from({ length: sites }, (_, index) => gatePartName(index, 'threshold'));
  const attribute = opset >= 18 ? [intAttribute('num_outputs', sites)] : [];
  return create(NodeProtoSchema, {
    opType: 'Split',
    name: `${THRESHOLD_INPUT}s`,
    input: [THRESHOLD_INPUT],
    output: outputs,
    attribute,
  });
}

/** A gate whose threshold is entry `site.index` of the threshold input, as `thresholdsApart` gives it. */
export function liveGate(place: GatePlace): NodeProto[] {
  const { rank, site } = place;
  const threshold = gatePartName(site.index, 'threshold');
  if (rank !== undefined && rank > 0) return comparison(place, threshold);
  // A threshold of one dimension would give a scalar activation one too.
  const scalar = gatePartName(site.index, 'scalar');
  return [node('Squeeze', [threshold], scalar), ...comparison(place, scalar)];
}

/**
 * The thresholds of every row [N, S] as one column [N, 1] per site.
 *
 * N stays variable, so a server may join the rows of several requests in one run, each pruned at thresholds of its own.
 */
export function rowThresholdsApart(sites: number, opset: number): NodeProto {
  const apart = thresholdsApart(sites, opset);
  apart.attribute = [...apart.attribute, intAttribute('axis', 1)];
  return apart;
}

/**
 * A gate whose thresholds are column `site.index` of the threshold input, as `rowThresholdsApart` gives it.
 *
 * @param axis - the axis of the activations that has one entry per row.
 * @param rank - number of dimensions of the activations.
 */
export function rowGate(place: GatePlace, axis: number, rank: number): NodeProto[] {
  const column = gatePartName(place.site.index, 'threshold');
  const shape = gatePartName(place.site.index, 'shape');
  const along = gatePartName(place.site.index, 'rows');
  const sizes = Array.from({ length: rank }, (_, i) => (i === axis ? -1n : 1n));
  const tensor = create(TensorProtoSchema, { dataType: INT64, dims: [BigInt(rank)], int64Data: sizes });
  return [
    node('Constant', [], shape, [tensorAttribute('value', tensor)]),
    node('Reshape', [column, shape], along),
    ...comparison(place, along),
  ];
}

/** A gate with a fixed threshold, rounded to float32. A threshold of 0 is no gate: ask `needsGate` first. */
export function bakedGate(place: GatePlace, threshold: number): NodeProto[] {
  const step = place.site.isNonNegative && place.site.elementType === 'float32' && exactStep(threshold);
  if (step) {
    const mask = gatePartName(place.site.index, 'mask');
    return [
      node('HardSigmoid', [place.from], mask, [
        floatAttribute('alpha', step.alpha),
        floatAttribute('beta', step.beta),
      ]),
      node('Mul', [place.from, mask], place.to),
    ];
  }
  const name = gatePartName(place.site.index, 'threshold');
  const scalar = create(TensorProtoSchema, { dataType: FLOAT, floatData: [Math.fround(threshold)] });
  return [node('Constant', [], name, [tensorAttribute('value', scalar)]), ...comparison(place, name)];
}

/**
 * α and β that make clip(αx + β, 0, 1) the step at `threshold`, exact for every float32 x ≥ 0.
 *
 * @returns undefined where α is no float32: a threshold that is not finite, or so small that α would overflow.
 */
export function exactStep(threshold: number): { readonly alpha: number; readonly beta: number } | undefined {
  const t = Math.fround(threshold);
  const below = float32Below(t);
  const alpha = 1 / (t - below);
  return alpha > 0 && Number.isFinite(Math.fround(alpha)) ? { alpha, beta: -alpha * below } : undefined;
}

/** The largest float32 below a positive one. */
function float32Below(x: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  view.setUint32(0, view.getUint32(0) - 1);
  return view.getFloat32(0);
}

function comparison({ site, from, to, opset }: GatePlace, threshold: string): NodeProto[] {
  const part = (name: string): string => gatePartName(site.index, name);
  const nodes: NodeProto[] = [];
  const append = (
    op: string,
    inputs: string[],
    output: string,
    attributes: AttributeProto[] = [],
  ): string => {
    nodes.push(node(op, inputs, output, attributes));
    return output;
  };
  const isHalf = site.elementType === 'float16';
  let magnitude = site.isNonNegative ? from : append('Abs', [from], part('abs'));
  if (isHalf) magnitude = append('Cast', [magnitude], part('single'), [intAttribute('to', FLOAT)]);
  const passes =
    opset >= 12
      ? append('GreaterOrEqual', [magnitude, threshold], part('passes'))
      : append('Not', [append('Less', [magnitude, threshold], part('less'))], part('passes'));
  const mask = append('Cast', [passes], part('mask'), [intAttribute('to', isHalf ? FLOAT16 : FLOAT)]);
  append('Mul', [from, mask], to);
  return nodes;
}

function node(opType: string, input: string[], output: string, attribute: AttributeProto[] = []): NodeProto {
  const name = output.startsWith(RESERVED_PREFIX) ? output : `${input.at(-1)}_product`;
  return create(NodeProtoSchema, { opType, name, input, output: [output], attribute });
}

function intAttribute(name: string, value: number): AttributeProto {
  const type = AttributeProto_AttributeType.INT;
  return create(AttributeProtoSchema, { name, type, i: BigInt(value) });
}

function floatAttribute(name: string, f: number): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f });
}

function tensorAttribute(name: string, t: NonNullable<AttributeProto['t']>): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.TENSOR, t });
}
