import { messageOf } from '../../config/errors.ts';
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

/** ONNX Runtime's message for a run that was terminated. */
const STOPPED = /terminate flag/;

/** The run was stopped by `stopRuns`. */
export class RunStopped extends Error {
  override readonly name = 'RunStopped';
}

/**
 * Stops the runs under way in sessions of any thread of this process: each fails at its next node.
 *
 * @param sessions - see `NativeSession.id`; closed ones are ignored.
 */
export function stopRuns(sessions: readonly bigint[]): void {
  const native = loadNative();
  if (native.kind === 'loaded') for (const id of sessions) native.addon.terminate(id);
}

/** A session of taustat's addon, which has the operators that skip zeros. A run blocks its thread. */
export class NativeSession implements Session {
  readonly #addon: NativeAddon;
  readonly #session: NativeSessionHandle;

  readonly inputNames: readonly string[];
  /** For `stopRuns`. */
  readonly id: bigint;

  private constructor(addon: NativeAddon, session: NativeSessionHandle) {
    this.#addon = addon;
    this.#session = session;
    this.inputNames = addon.names(session).inputs;
    this.id = addon.sessionId(session);
  }

  /**
   * onnxruntime-node must be loaded in this thread already, and `findKernels` must have succeeded.
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
      if (!STOPPED.test(messageOf(error))) return Promise.reject(error);
      this.#addon.reset(this.#session);
      return Promise.reject(new RunStopped('the run was stopped'));
    }
  }

  /** Share of multiplications skipped since the last call, 0–1; undefined: no operator skips zeros. */
  takeMacsSkipped(): number | undefined {
    const share = this.#addon.macsSkipped(this.#session);
    return Number.isNaN(share) ? undefined : share;
  }

  /** Resolves at once. */
  release(): Promise<void> {
    this.#addon.release(this.#session);
    return Promise.resolve();
  }
}
