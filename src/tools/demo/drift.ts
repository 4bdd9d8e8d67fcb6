import type { Tensor } from '../../protocol/types.ts';

/** The drift of the demo: half of the light goes. */
const LIGHT = 0.5;

/** An image batch in pixel units 0–255 at half the light: x' = x / 2. Other tensors stay as they are. */
export function dimmed(tensor: Tensor): Tensor {
  if (!(tensor.elements instanceof Float32Array)) return tensor;
  return { ...tensor, elements: tensor.elements.map((x) => LIGHT * x) };
}
