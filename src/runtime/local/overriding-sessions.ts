import { decodeModel, encodeModel } from '../../onnx/model-file.ts';
import { dropDefaults } from '../../onnx/overridable.ts';
import type { Tensor } from '../../protocol/types.ts';
import { OrtSession } from './ort-session.ts';
import type { Session, SessionOptions } from './session.ts';

/** Most sessions; each holds a copy of the model. */
const MAX_SESSIONS = 2;

/**
 * Sessions for runs that replace default values of the model. The binding silently ignores inputs that have a default, so
 * these sessions run the model without the defaults.
 */
export class OverridingSessions {
  readonly #setup: SessionOptions & { readonly plain: Uint8Array };
  /** By the names of the replaced inputs, oldest first. */
  readonly #sessions = new Map<string, OrtSession>();

  constructor(setup: SessionOptions & { readonly plain: Uint8Array }) {
    this.#setup = setup;
  }

  /** The session for a dense run: the plain one, unless the inputs replace defaults. */
  async for(inputs: readonly Tensor[], plain: Session): Promise<Session> {
    const names = inputs.map(({ name }) => name).filter((name) => !plain.inputNames.includes(name));
    if (names.length === 0) return plain;
    const key = JSON.stringify(names.sort());
    return this.#sessions.get(key) ?? this.#open(key, names);
  }

  async #open(key: string, names: readonly string[]): Promise<OrtSession> {
    for (const [oldest, session] of this.#sessions) {
      if (this.#sessions.size < MAX_SESSIONS) break;
      this.#sessions.delete(oldest);
      await session.release();
    }
    const model = decodeModel(this.#setup.plain.slice());
    dropDefaults(model, names);
    const opened = await OrtSession.open(encodeModel(model), this.#setup);
    this.#sessions.set(key, opened);
    return opened;
  }
}
