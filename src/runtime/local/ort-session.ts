import * as ort from 'onnxruntime-node';
import type { Tensor } from '../../protocol/types.ts';
import { fromOrtTensor, toOrtTensor } from './ort-tensors.ts';
import type { Session, SessionOptions } from './session.ts';

/** A session of onnxruntime-node. */
export class OrtSession implements Session {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  /** @param model - bytes, which may be in shared memory. @throws Error when ONNX Runtime refuses the model. */
  static async open(
    model: Uint8Array,
    { externalFolder, intraOpThreads }: SessionOptions,
  ): Promise<OrtSession> {
    const entries: Record<string, unknown> = { intra_op: { allow_spinning: '0' } };
    if (externalFolder !== undefined) entries.model_external_initializers_file_folder_path = externalFolder;
    // ONNX Runtime takes no shared memory.
    const own = model.buffer instanceof SharedArrayBuffer ? model.slice() : model;
    return new OrtSession(
      await ort.InferenceSession.create(own, {
        intraOpNumThreads: intraOpThreads,
        interOpNumThreads: 1,
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        extra: { session: entries },
      }),
    );
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames;
  }

  release(): Promise<void> {
    return this.#session.release();
  }

  async run(inputs: readonly Tensor[], outputs: readonly string[]): Promise<readonly Tensor[]> {
    const feeds: Record<string, ort.OnnxValue> = {};
    for (const input of inputs) feeds[input.name] = toOrtTensor(ort, input);
    const results = await this.#session.run(feeds, outputs);
    return outputs.map((name) => fromOrtTensor(name, results[name]!));
  }
}
