import type { ModelProto } from 'onnx-buf';
import type { DecodedModel } from '../../src/onnx/model-file.ts';
import { encodeModel } from '../../src/onnx/model-file.ts';
import type {
  KernelChoice,
  KernelName,
  NativeAddon,
  NativeTensor,
} from '../../src/runtime/local/native/addon.ts';
import { loadNative } from '../../src/runtime/local/native/load.ts';
import { ort } from '../onnx/ort.ts';

export type Floats = Float32Array<ArrayBuffer>;
export interface FloatTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Floats;
}

/** The addon, started with the kernels of choice. @throws Error that says what is missing, where it cannot be. */
export function openedAddon(kernels: KernelChoice = 'auto'): NativeAddon {
  const load = loadNative();
  if (load.kind === 'unavailable') throw new Error(`${load.reason}: ${load.howTo}`);
  load.addon.init(load.libraryPath, kernels);
  return load.addon;
}

/** Every set of kernels that this machine can run. */
export function availableKernels(): readonly KernelName[] {
  const load = loadNative();
  if (load.kind === 'unavailable') throw new Error(`${load.reason}: ${load.howTo}`);
  return load.addon.init(load.libraryPath, 'auto').available;
}

export function bytesOf(model: ModelProto): Uint8Array {
  return encodeModel(model as DecodedModel);
}

export function nativeFloats({ name, shape, values }: FloatTensor): NativeTensor {
  return { name, type: 1, shape, elements: values };
}

/** One run of a model in a session of its own. */
export function nativeRun(
  addon: NativeAddon,
  model: ModelProto,
  inputs: readonly FloatTensor[],
  output = 'y',
  intraOpThreads = 1,
): { readonly shape: readonly number[]; readonly values: NativeTensor['elements'] } {
  const session = addon.createSession(bytesOf(model), { intraOpThreads });
  try {
    const [result] = addon.run(session, inputs.map(nativeFloats), [output]);
    return { shape: result!.shape, values: result!.elements };
  } finally {
    addon.release(session);
  }
}

/** The same through onnxruntime-node. */
export async function plainRun(
  model: ModelProto,
  inputs: readonly FloatTensor[],
  output = 'y',
): Promise<{ readonly shape: readonly number[]; readonly values: Floats }> {
  const session = await ort.InferenceSession.create(bytesOf(model));
  try {
    const feeds = Object.fromEntries(
      inputs.map(({ name, shape, values }) => [name, new ort.Tensor('float32', values, shape)]),
    );
    const { [output]: result } = await session.run(feeds, [output]);
    return { shape: result!.dims, values: result!.data as Floats };
  } finally {
    await session.release();
  }
}
