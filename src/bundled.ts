import { fileURLToPath } from 'node:url';

/** A file of the bundled model: a CNN for Fashion-MNIST with 1,000 held-out inputs and their labels. */
export function bundledModel(file: 'model.onnx' | 'inputs.npy' | 'labels.npy'): string {
  return fileURLToPath(new URL(`../models/fashion-mnist-cnn/${file}`, import.meta.url));
}
