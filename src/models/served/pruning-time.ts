import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import type { HeldBack } from '../../control/phases/state.ts';
import type { ControlLoop } from '../../loop/control-loop.ts';
import type { Kernels, NoKernels } from '../../runtime/local/kernels.ts';
import type { LoadedModel } from '../../runtime/local/load-model.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { type BucketPlan, type Plan, TimePlanner } from './time-planner.ts';

export interface PruningTimeParts {
  readonly name: string;
  readonly loaded: LoadedModel;
  readonly config: Config;
  readonly runtime: Runtime;
  readonly loop: ControlLoop;
  readonly outputs: readonly string[];
  readonly thresholdsFor: (threshold: number) => Float32Array;
  readonly kernels: Kernels | NoKernels;
  readonly log: Logger;
}

/** Why production of a model is dense before anything is measured; undefined: gates prune it, whatever the time. */
export function heldBackAtFirst({ runtime }: Config): HeldBack | undefined {
  return runtime.gates === 'auto' ? 'unmeasured' : undefined;
}

/**
 * Lets pruning reach production where it saves time: plans the sparse form of a model for the threshold that production is
 * heading for, has the workers adopt it, and tells the loop.
 */
export function planPruningTime(parts: PruningTimeParts): TimePlanner | undefined {
  const { name, loaded, config, runtime, loop, outputs, thresholdsFor, kernels, log } = parts;
  if (config.runtime.gates !== 'auto' || loaded.sites.length === 0) return undefined;
  if (typeof kernels === 'object' || runtime.adopt === undefined) {
    const reason = typeof kernels === 'object' ? kernels.reason : 'the runtime takes no rewritten model';
    loop.timed('unprofitable', `pruning saves no time: ${reason}`);
    return undefined;
  }
  const { plain, externalFolder } = loaded.setup;
  const planner = new TimePlanner({
    setup: {
      plain,
      externalFolder,
      intraOpThreads: config.runtime.intraOpThreads,
      sites: config.sites,
      kernels,
    },
    outputs,
    thresholdsFor,
    runtime,
    onPlan: (plan, model) => void follow(plan, model),
  });
  const follow = async (plan: Plan, model: Uint8Array | undefined): Promise<void> => {
    const isAdopted = model !== undefined && (await runtime.adopt?.(model)) === true;
    const words = wordsOf(plan, model === undefined || isAdopted);
    log.info({ model: name, plan }, words);
    loop.timed(isAdopted ? undefined : 'unprofitable', words);
  };
  return planner;
}

/** What a plan says, in a sentence. */
export function wordsOf(plan: Plan, isUsable: boolean): string {
  switch (plan.kind) {
    case 'unmeasured':
      return 'nobody has measured yet whether pruning saves time';
    case 'impossible':
      return `pruning saves no time: ${plan.reason}`;
    case 'measured': {
      if (!isUsable) return 'pruning saves no time: the workers could not open the rewritten model';
      const figures = plan.buckets.map(figuresOf).join('; ');
      const sparse = plan.layers.filter(({ isSparse }) => isSparse).length;
      const saves = plan.buckets.some(({ pays }) => pays);
      const layers = `${sparse} of ${plan.layers.length} layers skip zeros`;
      return saves ? `pruning saves time: ${layers}; ${figures}` : `pruning saves no time here; ${figures}`;
    }
  }
}

function figuresOf({ rows, speedup, plainMs, sparseMs }: BucketPlan): string {
  const { ratio, low, high } = speedup;
  const size = rows === 1 ? '1 row' : `up to ${rows} rows`;
  return `${size}: ${ratio.toFixed(2)} × (${low.toFixed(2)}–${high.toFixed(2)}), ${plainMs.toFixed(3)} ms plain, ${sparseMs.toFixed(3)} ms sparse`;
}
