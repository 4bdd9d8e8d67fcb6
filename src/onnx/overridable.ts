import type { GraphProto, ModelProto } from 'onnx-buf';
import { RESERVED_PREFIX } from './names.ts';

/** Before this version of the format every initializer had to be listed as an input, and was constant all the same. */
const FIRST_IR_VERSION = 4n;

/**
 * Names of the inputs that have a default: initializers that are listed as inputs of the graph, in its order.
 *
 * @param which - by default without those that taustat added.
 */
export function overridableInputs(
  model: ModelProto & { readonly graph: GraphProto },
  which: 'own' | 'all' = 'own',
): readonly string[] {
  if (model.irVersion < FIRST_IR_VERSION) return [];
  const initialized = new Set(model.graph.initializer.map(({ name }) => name));
  return model.graph.input
    .map(({ name }) => name)
    .filter((name) => initialized.has(name) && (which === 'all' || !name.startsWith(RESERVED_PREFIX)));
}

/** Takes the defaults of inputs away, so that the model needs them. */
export function dropDefaults(model: ModelProto, names: readonly string[]): void {
  const { graph } = model;
  if (graph !== undefined) graph.initializer = graph.initializer.filter(({ name }) => !names.includes(name));
}
