/** An independent oracle: prunes in JS between part-graphs that run one after the other. */
import type { ModelProto, NodeProto } from 'onnx-buf';
import type { Tensor } from 'onnxruntime-node';
import { encodeModel } from '../../src/onnx/model-file.ts';
import { model, value } from './models.ts';
import { ort } from './ort.ts';

export type Feeds = Readonly<Record<string, Tensor>>;

/** Runs a model on one thread; `isOptimized: false` keeps every node as it is written. */
export async function run(
  source: Uint8Array | ModelProto,
  feeds: Feeds,
  options: { readonly isOptimized?: boolean; readonly outputs?: readonly string[] } = {},
): Promise<Record<string, Tensor>> {
  const bytes = source instanceof Uint8Array ? source : encodeModel(source);
  const session = await ort.InferenceSession.create(bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    graphOptimizationLevel: options.isOptimized === false ? 'disabled' : 'all',
  });
  try {
    const outputs = options.outputs ?? session.outputNames;
    return { ...(await session.run({ ...feeds }, [...outputs])) };
  } finally {
    await session.release();
  }
}

export function floats(values: readonly number[], dims: readonly number[]): Tensor {
  return new ort.Tensor('float32', Float32Array.from(values), [...dims]);
}

/** One threshold for every site. */
export function thresholds(count: number, threshold: number): Tensor {
  return floats(new Array<number>(count).fill(threshold), [count]);
}

export function numbers(tensor: Tensor | undefined): number[] {
  if (tensor === undefined) throw new Error('the output is missing');
  return Array.from(tensor.data as Float32Array);
}

/** a · 1{|a| ≥ τ}; what is not a number passes. */
export function prune(values: readonly number[], threshold: number): number[] {
  return values.map((a) => (Math.abs(a) < Math.fround(threshold) ? 0 : a));
}

/**
 * The outputs of a model whose tensors `pruned`, in graph order, are zeroed below `threshold`: every tensor is computed by a
 * part-graph that starts at the tensors zeroed before it. float32 only.
 */
export async function prunedOutputs(
  source: ModelProto,
  pruned: readonly string[],
  threshold: number,
  feeds: Feeds,
  isOptimized = false,
): Promise<Record<string, number[]>> {
  const cut: Record<string, Tensor> = {};
  for (const tensor of pruned) {
    const found = await run(part(source, Object.keys(cut), [tensor]), { ...feeds, ...cut }, { isOptimized });
    const { dims } = found[tensor] as Tensor;
    cut[tensor] = floats(prune(numbers(found[tensor]), threshold), dims);
  }
  const names = source.graph?.output.map(({ name }) => name) ?? [];
  const last = await run(part(source, Object.keys(cut), names), { ...feeds, ...cut }, { isOptimized });
  return Object.fromEntries(names.map((name) => [name, numbers(last[name])]));
}

/** The graph between some of its tensors, which become inputs beside the model's own, and others, its outputs. */
function part(source: ModelProto, from: readonly string[], to: readonly string[]): ModelProto {
  const { graph } = source;
  if (graph === undefined) throw new Error('no graph');
  const producers = new Map(
    graph.node.flatMap((node) => node.output.map((tensor) => [tensor, node] as const)),
  );
  const needed = new Set<NodeProto>();
  const reach = (tensor: string): void => {
    const node = producers.get(tensor);
    if (from.includes(tensor) || node === undefined || needed.has(node)) return;
    needed.add(node);
    node.input.forEach(reach);
  };
  to.forEach(reach);
  const opset = Number(source.opsetImport[0]?.version);
  return model(
    {
      nodes: graph.node.filter((node) => needed.has(node)),
      inputs: [...graph.input, ...from.map((name) => value(name))],
      outputs: to.map((name) => value(name)),
      initializers: graph.initializer,
    },
    opset,
  );
}
