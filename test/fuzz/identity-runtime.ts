import type { Tensor } from '../../src/protocol/types.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';

/** Answers its inputs in this very thread: 'x…' comes back as 'y…'. */
export function identityRuntime(): Runtime {
  const answer = (inputs: readonly Tensor[], names: readonly string[]) =>
    names.map((name) => ({ ...inputs.find((input) => input.name === name.replace('y', 'x'))!, name }));
  return {
    run: async ({ inputs, outputs }) => ({ outputs: answer(inputs, outputs), queueMs: 0, inferMs: 0 }),
    shadow: async () => 'dropped',
    prepare: () => undefined,
    isReady: true,
    pending: 0,
    waiting: 0,
    busy: { productionMs: 0, shadowMs: 0, workers: 1 },
    close: async () => undefined,
  };
}
