import { messageOf } from '../../config/errors.ts';
import type { KernelChoice, KernelName } from './native/addon.ts';
import { tryNative } from './native/load.ts';

/** The kernels that sparse operators use in every thread of this process. */
export type Kernels = KernelName;

/** Why there are no kernels, and how to get them. */
export interface NoKernels {
  readonly reason: string;
}

/** Finds the kernels of this machine. Takes a second the first time, to try them in a process of their own. */
export async function findKernels(choice: KernelChoice): Promise<Kernels | NoKernels> {
  const native = await tryNative();
  if (native.kind === 'unavailable') return { reason: `${native.reason}: ${native.howTo}` };
  try {
    await import('onnxruntime-node');
    return native.addon.init(native.libraryPath, choice).kernels;
  } catch (error) {
    return { reason: messageOf(error) };
  }
}
