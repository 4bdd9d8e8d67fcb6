import type { Tensor } from '../protocol/types.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Clock } from './clock.ts';
import type { Judge } from './comparison/judge.ts';
import type { KeptInput, KeptInputs } from './kept-inputs.ts';
import type { Payer, SearchBudget } from './search-budget.ts';

export interface InputLossOptions {
  readonly runtime: Pick<Runtime, 'shadow'>;
  /** Every output of the model. */
  readonly outputs: readonly string[];
  readonly judge: Pick<Judge, 'compare'>;
  readonly clock: Clock;
  /** Thresholds of the sites, shape [sites], where pruned ones are at τ. */
  readonly thresholdsAt: (threshold: number) => Float32Array;
  readonly kept: KeptInputs;
  readonly budget: SearchBudget;
}

/** An input whose pruned run has failed so often has lost everything. */
const ATTEMPTS = 3;

/** Runs kept inputs again, pruned, and compares. */
export class InputLoss {
  readonly #options: InputLossOptions;
  readonly #attempts = new Map<number, number>();

  constructor(options: InputLossOptions) {
    this.#options = options;
  }

  /**
   * What an input loses at a threshold, 0–1.
   *
   * @returns null: the dense answer says nothing, so that the input is kept no longer; `dropped`: production needs the workers.
   * @throws Error if a run fails, which may be tried again.
   */
  async at(threshold: number, input: KeptInput, payer: Payer): Promise<number | null | 'dropped'> {
    const { runtime, outputs, judge, thresholdsAt, clock, kept, budget } = this.#options;
    const { inputs } = input;
    const again = { inputs, outputs, keepInputs: true, measure: 'nothing' } as const;
    const compared = (dense: readonly Tensor[], answer: readonly Tensor[], workerMs: number) => {
      const started = clock.monotonicMs();
      const comparison = judge.compare(dense, answer, inputs);
      budget.spend(payer, workerMs, clock.monotonicMs() - started);
      return comparison;
    };
    let { dense } = input;
    if (dense === null) {
      const plain = await runtime.shadow(again);
      if (plain === 'dropped') return 'dropped';
      dense = plain.outputs;
      if (compared(dense, dense, plain.workerMs) === null) {
        kept.discard(input);
        return null;
      }
      kept.answered(input, dense);
    }
    const thresholds = thresholdsAt(threshold);
    const pruned = await runtime.shadow({ ...again, thresholds }).catch((error: unknown) => {
      if (!this.#hasFailedForGood(input)) throw error;
      return null;
    });
    if (pruned === 'dropped') return 'dropped';
    if (pruned === null) return 1;
    const comparison = compared(dense, pruned.outputs, pruned.workerMs);
    if (comparison === null) kept.discard(input);
    return comparison?.loss ?? null;
  }

  /** Other inputs are kept. */
  clear(): void {
    this.#attempts.clear();
  }

  #hasFailedForGood({ number }: KeptInput): boolean {
    const attempts = (this.#attempts.get(number) ?? 0) + 1;
    this.#attempts.set(number, attempts);
    return attempts >= ATTEMPTS;
  }
}
