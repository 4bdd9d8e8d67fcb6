import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import type { KeptPlan } from '../../control/phases/kept-plan.ts';
import { controlOptionsOf } from '../../control/phases/options.ts';
import { SYSTEM_CLOCK } from '../../loop/clock.ts';
import { ControlLoop } from '../../loop/control-loop.ts';
import type { ModelConfiguration } from '../../plane/model-configuration.ts';
import type { ModelMetadata } from '../../protocol/types.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { ServableModel } from '../../runtime/servable-model.ts';
import type { Choice } from '../../store/choice.ts';
import { defaultStateFolder } from '../../store/keys.ts';
import { ModelPersistence } from '../../store/model-persistence.ts';
import { resumePointOf } from '../../store/resume-point.ts';
import type { SharedStore } from '../../store/shared/shared-store.ts';
import type { Metrics, OfModel } from '../../telemetry/metrics.ts';
import { loopTelemetry } from './loop-telemetry.ts';
import { ModelSharing } from './model-sharing.ts';
import { ServedModel, type UpstreamView } from './served-model.ts';
import { initialHoldBack } from './sparse-serving.ts';
import type { TimedPruning } from './timed-pruning.ts';

export interface ServingOptions {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** The operator's choice for the model that this one replaces; null: none. */
  readonly inherited?: Choice | null;
  /** Names of classes, by their index. By default none. */
  readonly labels?: readonly string[];
  /** When opening began, of `performance.now()`: by default now, with the file read before. */
  readonly begunAt?: number;
  /** What replicas of the model share; undefined: this one is by itself. */
  readonly shared?: SharedStore | undefined;
}

/** A model that runs, here or elsewhere. */
export interface RunningModel {
  /** For clients. */
  readonly metadata: ModelMetadata;
  readonly configuration: ModelConfiguration;
  readonly runtime: Runtime;
  /** Kernels that it runs with, or `none`. */
  readonly kernels: string;
  readonly upstream: UpstreamView | undefined;
  /**
   * Measures whether pruning saves time; undefined: it is not asked.
   *
   * @param kept - the plan from before a restart.
   * @param decides - whether this replica decides for others; undefined: it is by itself.
   */
  readonly timing: (
    loop: ControlLoop,
    kept: KeptPlan | null | undefined,
    decides: (() => boolean) | undefined,
  ) => TimedPruning | undefined;
}

/** Starts serving a model that runs: its control loop from the saved state, and what follows its steps. */
export async function startServing(
  loaded: ServableModel,
  options: ServingOptions,
  running: RunningModel,
): Promise<ServedModel> {
  const { config, metrics, log, inherited = null, labels = [], begunAt = performance.now() } = options;
  const { metadata, configuration, runtime, kernels, upstream, timing } = running;
  const { name } = metadata;
  const of = { model: name, version: metadata.versions[0]! };
  const subject = { model: name, hash: loaded.hash, config, control: controlOptionsOf(config) };
  const persistence = await persistenceOf(subject, of, options);
  const sharing =
    options.shared === undefined || loaded.sites.length === 0
      ? undefined
      : new ModelSharing({ store: options.shared, subject, sites: loaded.sites.length, log });
  const loop = new ControlLoop({
    sites: loaded.sites.length,
    poles: loaded.sites.map(({ pole }) => pole),
    outputs: metadata.outputs.map((output) => output.name),
    config,
    softmaxOutputs: loaded.softmaxOutputs,
    runtime,
    heldBack: initialHoldBack(config),
    resume: persistence?.resumePoint ?? resumePointOf(null, inherited, subject, Date.now()),
    telemetry: loopTelemetry(of, metrics, log),
    ...(sharing && {
      sharing: sharing.replica,
      clock: { ...SYSTEM_CLOCK, wallMs: () => sharing.replica.lease.wallMs },
    }),
  });
  return new ServedModel({
    metadata,
    configuration,
    labels,
    loaded,
    runtime,
    loop,
    measure: config.agreement.measure,
    persistence,
    sparse: timing(loop, persistence?.resumePoint.plan, sharing?.replica.decides),
    sharing,
    choice: persistence === undefined ? inherited : persistence.choice,
    sequenceHeader: config.sampling.sequenceHeader?.toLowerCase(),
    kernels,
    upstream,
    loadSeconds: (performance.now() - begunAt) / 1000,
    metrics,
    log,
  });
}

async function persistenceOf(
  subject: Parameters<typeof ModelPersistence.open>[0],
  of: OfModel,
  { config, metrics, log, inherited = null }: ServingOptions,
): Promise<ModelPersistence | undefined> {
  const { enabled, folder = defaultStateFolder() } = config.store;
  if (enabled !== true) return undefined;
  for (const what of ['choice', 'evidence', 'audit']) metrics.stateFailures.inc({ ...of, what }, 0);
  const onFailure = (what: string) => metrics.stateFailures.inc({ ...of, what });
  return ModelPersistence.open(subject, { folder, log, inherited, onFailure });
}
