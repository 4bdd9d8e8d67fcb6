import { fileURLToPath } from 'node:url';
import { bundledModel } from '../src/config/bundled-model.ts';

const MODEL = fileURLToPath(new URL('../bench/zoo/models/fashion-mnist-cnn/model.onnx', import.meta.url));

/** The name that tests serve it under. */
export const SMALL_NAME = 'fashion-mnist-cnn';

/** A narrow CNN of the zoo, whose runs take 50 µs, for the bundled model's images; its five sites are all of the kind Relu. */
export function smallCnn(file: 'model.onnx' | 'inputs.npy' | 'labels.npy'): string {
  return file === 'model.onnx' ? MODEL : bundledModel(file);
}

/** Settings that serve it, pruned by gates, whatever the time: in tests the answers are what matters. */
export const SMALL_GATED = {
  model: { path: MODEL, name: SMALL_NAME },
  runtime: { gates: 'mask' },
} as const;

/** The same for a command that names no model; one that does is only told how to prune. */
export function smallGatedEnv(args: readonly string[]): Record<string, string> {
  const hasModel = args.some((arg) => arg.endsWith('.onnx') || arg === '--model-repository');
  return hasModel ? { TAUSTAT_RUNTIME_GATES: 'mask' } : SMALL_GATED_ENV;
}

/** Settings of a command that names no model. */
export const SMALL_GATED_ENV = {
  TAUSTAT_MODEL_PATH: MODEL,
  TAUSTAT_MODEL_NAME: SMALL_NAME,
  TAUSTAT_RUNTIME_GATES: 'mask',
} as const;
