import type { Kernels } from './kernels.ts';
import { NativeSession } from './native-session.ts';
import { OrtSession } from './ort-session.ts';
import type { Session, SessionOptions } from './session.ts';

/**
 * A session of a model without operators of ours: of the addon where there is one, whose runs cost less (4 µs instead of 13,
 * and outputs are not copied), with the same answers bit for bit; of onnxruntime-node otherwise, and for models with strings,
 * sequences or maps.
 *
 * @param model - bytes, which may be in shared memory.
 * @throws Error when ONNX Runtime refuses the model.
 */
export function openSession(
  model: Uint8Array,
  { kernels, ...options }: SessionOptions & { readonly kernels?: Kernels | undefined },
): Promise<Session> {
  if (kernels === undefined) return OrtSession.open(model, options);
  try {
    return Promise.resolve(NativeSession.open(model, { ...options, kernels }));
  } catch {
    return OrtSession.open(model, options);
  }
}
