import { ServingError } from '../../config/errors.ts';

/** One way of serving the model that is compared with the others. */
export type Arm = 'plain' | 'observe' | 'auto' | 'batched';

export const ARMS: readonly Arm[] = ['plain', 'observe', 'auto', 'batched'];

const MODE: Readonly<Record<Arm, string>> = {
  plain: 'off',
  observe: 'observe',
  auto: 'auto',
  batched: 'off',
};

/** Rows that the requests of the arm `batched` may fill together. */
const BATCHED_ROWS = 32;

/** What the servers of all arms have in common. */
export interface ServerSettings {
  /** ONNX file; absent: the bundled model. */
  readonly model?: string | undefined;
  readonly config?: string | undefined;
  /** Share of requests that are run again in the shadow. */
  readonly sampling: number;
  readonly workers?: number | undefined;
  /** Where the arm `auto` keeps what it has learnt; absent: nowhere. */
  readonly stateFolder?: string | undefined;
}

/** @throws ServingError CONFIG_INVALID for a word that is no arm, or one that is given twice. */
export function parseArms(text: string): readonly Arm[] {
  const words = text.split(',').map((word) => word.trim());
  const arms = words.map((word) => {
    const arm = ARMS.find((name) => name === word);
    if (arm === undefined)
      throw new ServingError('CONFIG_INVALID', `--arms: '${word}' is none of ${ARMS.join(', ')}`);
    return arm;
  });
  if (new Set(arms).size < arms.length)
    throw new ServingError('CONFIG_INVALID', '--arms: an arm is given twice');
  return arms;
}

/** The arguments of `taustat` that serve the model as an arm does, on a free port. */
export function serveArguments(arm: Arm, settings: ServerSettings): string[] {
  const { model, config, sampling, workers, stateFolder } = settings;
  const state = arm === 'auto' && stateFolder !== undefined ? ['--state-dir', stateFolder] : ['--no-state'];
  return [
    'serve',
    ...(model === undefined ? [] : [model]),
    ...(config === undefined ? [] : ['--config', config]),
    ...(workers === undefined ? [] : ['--workers', String(workers)]),
    ...['--host', '127.0.0.1', '--port', '0', '--log-level', 'info'],
    ...['--mode', MODE[arm], '--sampling', String(sampling), ...state],
    ...(arm === 'batched' ? ['--max-batch', String(BATCHED_ROWS)] : []),
  ];
}

/** What ratios are taken against: `plain`, or the first arm where that is missing. */
export function referenceOf(arms: readonly Arm[]): Arm {
  return arms.includes('plain') ? 'plain' : arms[0]!;
}

/**
 * The order of one round: forward, then backward (A B C C B A), so that a steady change of the machine's speed falls on
 * every arm alike.
 */
export function alternation<T>(arms: readonly T[]): T[] {
  return [...arms, ...arms.toReversed()];
}
