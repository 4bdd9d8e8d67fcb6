import type { Kernels } from './kernels.ts';
import { NativeSession } from './native-session.ts';
import { OrtSession } from './ort-session.ts';
import type { Session, SessionOptions } from './session.ts';

/**
 * Opens a model without taustat's operators: in the addon if there is one, whose runs cost less (4 µs instead of 13, outputs
 * are not copied) with the same bits; else, and for strings, sequences and maps, in onnxruntime-node.
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
