import type { Tensor } from '../../protocol/types.ts';
import type { Run } from '../../runtime/runtime.ts';

/**
 * A production run on behalf of a client, whose signal is asked for only when the run has to wait: making one costs, and
 * few runs ever wait.
 *
 * A class, since an accessor in an object literal keeps what it closes over alive until the next full garbage collection:
 * 8 KB per request moved into the old generation, and every collection of the young one took 5 ms instead of 0.5.
 */
export class ClientRun implements Run {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[];
  readonly thresholds: Float32Array | undefined;
  readonly keepInputs: boolean;
  readonly isAlone: boolean;
  readonly #client: Pick<Run, 'signal'>;

  constructor(
    inputs: readonly Tensor[],
    outputs: readonly string[],
    thresholds: Float32Array | undefined,
    options: {
      readonly keepInputs: boolean;
      readonly isAlone: boolean;
      readonly client: Pick<Run, 'signal'>;
    },
  ) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.thresholds = thresholds;
    this.keepInputs = options.keepInputs;
    this.isAlone = options.isAlone;
    this.#client = options.client;
  }

  get signal(): AbortSignal | undefined {
    return this.#client.signal;
  }
}
