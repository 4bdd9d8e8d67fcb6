import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import { controlOptionsOf } from '../../control/phases/options.ts';
import type { Memory } from '../../loop/thermostat.ts';
import type { LoadedModel } from '../../runtime/local/load-model.ts';
import type { Choice } from '../../store/choice.ts';
import { Keeper } from '../../store/keeper.ts';
import { defaultStateFolder } from '../../store/keys.ts';
import { recall } from '../../store/recall.ts';
import type { Metrics } from '../../telemetry/metrics.ts';

/** What a model goes on from, and what keeps it. */
export interface Beginning {
  readonly keeper: Keeper | undefined;
  readonly memory: Memory;
  readonly choice: Choice | null;
}

interface Surroundings {
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly inherited: Choice | null;
}

/** Where a model goes on from. */
export async function beginningOf(
  model: string,
  { hash }: LoadedModel,
  config: Config,
  { metrics, log, inherited }: Surroundings,
): Promise<Beginning> {
  const { enabled, folder = defaultStateFolder() } = config.store;
  const subject = { model, hash, config, control: controlOptionsOf(config) };
  if (enabled !== true) {
    const memory = recall(null, inherited, subject, Date.now());
    return { keeper: undefined, memory, choice: inherited };
  }
  const onFailure = (what: string) => metrics.stateFailures.inc({ model, what });
  const keeper = await Keeper.open(subject, { folder, log, inherited, onFailure });
  return { keeper, memory: keeper.memory, choice: keeper.choice };
}
