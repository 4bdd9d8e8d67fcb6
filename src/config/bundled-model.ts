import { fileURLToPath } from 'node:url';

/** The bundled model's name in URLs and metrics, unless another is configured. */
export const BUNDLED_NAME = 'fashion-mnist-vgg';

/** A file of the bundled model: a VGG-like CNN for Fashion-MNIST with 1,000 held-out inputs and their labels. */
export function bundledModel(file: 'model.onnx' | 'inputs.npy' | 'labels.npy'): string {
  return fileURLToPath(new URL(`../../models/${BUNDLED_NAME}/${file}`, import.meta.url));
}
