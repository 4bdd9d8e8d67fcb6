import type { Tensor } from '../../protocol/types.ts';
import type { Kernels } from './kernels.ts';
import {
  fromNativeTensor,
  type NativeAddon,
  type NativeSessionHandle,
  toNativeTensor,
} from './native/addon.ts';
import { loadNative } from './native/load.ts';
import type { Session, SessionOptions } from './session.ts';

/** A session of taustat's own addon, with operators that skip zeros. A run blocks its thread. */
export class NativeSession implements Session {
  readonly #addon: NativeAddon;
  readonly #session: NativeSessionHandle;

  private constructor(addon: NativeAddon, session: NativeSessionHandle) {
    this.#addon = addon;
    this.#session = session;
  }

  /**
   * onnxruntime-node must be loaded in this thread already, and the kernels have been tried (`findKernels`).
   *
   * @param model - bytes, which may be in shared memory.
   * @throws Error when the kernels do not load, or ONNX Runtime or an operator refuses the model.
   */
  static open(
    model: Uint8Array,
    { externalFolder, intraOpThreads, kernels }: SessionOptions & { readonly kernels: Kernels },
  ): NativeSession {
    const native = loadNative();
    if (native.kind === 'unavailable') throw new Error(native.reason);
    const { addon, libraryPath } = native;
    addon.init(libraryPath, kernels);
    const folder = externalFolder === undefined ? {} : { externalDataFolder: externalFolder };
    const own = model.buffer instanceof SharedArrayBuffer ? model.slice() : model;
    return new NativeSession(addon, addon.createSession(own, { intraOpThreads, ...folder }));
  }

  run(inputs: readonly Tensor[], outputs: readonly string[]): Promise<readonly Tensor[]> {
    try {
      const results = this.#addon.run(this.#session, inputs.map(toNativeTensor), outputs);
      return Promise.resolve(results.map(fromNativeTensor));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  close(): void {
    this.#addon.release(this.#session);
  }
}
