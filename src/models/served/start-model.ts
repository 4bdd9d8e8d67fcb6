import type { Logger } from 'pino';
import { BUNDLED_NAME } from '../../config/bundled-model.ts';
import type { Config } from '../../config/schema.ts';
import { controlOptionsOf } from '../../control/phases/options.ts';
import { SYSTEM_CLOCK } from '../../loop/clock.ts';
import { ControlLoop } from '../../loop/control-loop.ts';
import { findKernels, type Kernels, type NoKernels } from '../../runtime/local/kernels.ts';
import type { LoadedModel } from '../../runtime/local/load-model.ts';
import type { WorkerSetup } from '../../runtime/local/messages.ts';
import { WorkerRuntime, type WorkerRuntimeOptions } from '../../runtime/local/worker-runtime.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Choice } from '../../store/choice.ts';
import { defaultStateFolder } from '../../store/keys.ts';
import { ModelPersistence } from '../../store/model-persistence.ts';
import { resumePointOf } from '../../store/resume-point.ts';
import type { SharedStore } from '../../store/shared/shared-store.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { batchingFor } from './batching.ts';
import { configurationOf } from './configuration.ts';
import { loopTelemetry } from './loop-telemetry.ts';
import { ModelSharing } from './model-sharing.ts';
import { ServedModel } from './served-model.ts';
import { initialHoldBack, SparseServing } from './sparse-serving.ts';

export type StartRuntime = (setup: WorkerSetup, options: WorkerRuntimeOptions) => Promise<Runtime>;

export interface StartOptions {
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
  /** By default worker threads in this process. */
  readonly startRuntime?: StartRuntime;
}

/** Starts serving a loaded model: its workers, and its control loop from the saved state. @throws ServingError MODEL_INVALID */
export async function startModel(loaded: LoadedModel, options: StartOptions): Promise<ServedModel> {
  const { config, metrics, log, inherited = null, labels = [], begunAt = performance.now() } = options;
  const name = config.model.name ?? (config.model.path === undefined ? BUNDLED_NAME : loaded.stem);
  const { version } = config.model;
  const metadata = { name, versions: [version], platform: 'onnxruntime_onnx', ...loaded.signature };
  const kernels = await kernelsFor(config);
  const runtime = await runtimeOf(name, loaded, kernels, options);
  const subject = { model: name, hash: loaded.hash, config, control: controlOptionsOf(config) };
  const persistence = await persistenceOf(subject, options);
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
    telemetry: loopTelemetry(name, metrics, log),
    ...(sharing && {
      sharing: sharing.replica,
      clock: { ...SYSTEM_CLOCK, wallMs: () => sharing.replica.wallMs },
    }),
  });
  const choice = persistence === undefined ? inherited : persistence.choice;
  const { measure } = config.agreement;
  const outputs = metadata.outputs.map((output) => output.name);
  const sparse = SparseServing.open({
    name,
    loaded,
    config,
    runtime,
    loop,
    outputs,
    kernels,
    decides: sharing?.replica.decides,
    kept: persistence?.resumePoint.plan,
    log,
  });
  const configuration = configurationOf(metadata, loaded, config, labels.length > 0);
  const parts = {
    metadata,
    configuration,
    labels,
    loaded,
    runtime,
    loop,
    measure,
    persistence,
    sparse,
    sharing,
    choice,
    sequenceHeader: config.sampling.sequenceHeader?.toLowerCase(),
  };
  const loadSeconds = (performance.now() - begunAt) / 1000;
  return new ServedModel({
    ...parts,
    kernels: typeof kernels === 'string' ? kernels : 'none',
    loadSeconds,
    metrics,
    log,
  });
}

async function runtimeOf(
  name: string,
  loaded: LoadedModel,
  kernels: Kernels | NoKernels,
  { config, metrics, log, startRuntime = WorkerRuntime.start }: StartOptions,
): Promise<Runtime> {
  const { workers = 1, maxShadowQueue, maxRunSeconds, intraOpThreads, gates } = config.runtime;
  const { limits, wrap } = batchingFor(loaded, name, config, metrics, log);
  const runtime = await startRuntime(
    { ...loaded.setup, intraOpThreads, ...(typeof kernels === 'object' ? {} : { kernels }) },
    {
      workers,
      ...limits,
      maxShadowQueue,
      maxRunSeconds,
      sites: gates === 'mask' ? config.sites : undefined,
      onWorkerLost: (error) => {
        metrics.workersLost.inc({ model: name });
        log.error({ model: name, error: error.message }, 'worker lost');
      },
      onRunOverdue: (error) => {
        metrics.runsOverdue.inc({ model: name });
        log.error(
          { model: name, error: error.message },
          'a run does not end, and is stopped, or given up with its worker',
        );
      },
    },
  );
  return wrap(runtime);
}

/** The kernels of this machine that skip zeros, or why there are none. */
async function kernelsFor({ runtime: { kernels } }: Config): Promise<Kernels | NoKernels> {
  if (kernels === 'off') return { reason: 'runtime.kernels is off' };
  return findKernels(kernels);
}

async function persistenceOf(
  subject: Parameters<typeof ModelPersistence.open>[0],
  { config, metrics, log, inherited = null }: StartOptions,
): Promise<ModelPersistence | undefined> {
  const { enabled, folder = defaultStateFolder() } = config.store;
  if (enabled !== true) return undefined;
  const { model } = subject;
  const onFailure = (what: string) => metrics.stateFailures.inc({ model, what });
  return ModelPersistence.open(subject, { folder, log, inherited, onFailure });
}
