import { messageOf } from '../../config/errors.ts';
import type { KernelChoice, KernelName } from './native/addon.ts';
import { tryNative } from './native/load.ts';

/** The kernels that sparse operators run with, in any thread of this process. */
export type Kernels = KernelName;

/** Why there are no kernels, and what helps. */
export interface NoKernels {
  readonly reason: string;
}

/** Whether this machine has such kernels. Takes a second the first time: they are tried in a process of their own. */
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
