import { BUNDLED_NAME } from '../../config/bundled-model.ts';
import type { Config } from '../../config/schema.ts';
import { findKernels, type Kernels, type NoKernels } from '../../runtime/local/kernels.ts';
import type { LoadedModel } from '../../runtime/local/load-model.ts';
import type { WorkerSetup } from '../../runtime/local/messages.ts';
import { WorkerRuntime, type WorkerRuntimeOptions } from '../../runtime/local/worker-runtime.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { batchingFor } from './batching.ts';
import { configurationOf } from './configuration.ts';
import type { ServedModel } from './served-model.ts';
import { SparseServing } from './sparse-serving.ts';
import { type ServingOptions, startServing } from './start-serving.ts';

export type StartRuntime = (setup: WorkerSetup, options: WorkerRuntimeOptions) => Promise<Runtime>;

export interface StartOptions extends ServingOptions {
  /** By default worker threads in this process. */
  readonly startRuntime?: StartRuntime;
}

/** Starts serving a loaded model: its workers, and its control loop from the saved state. @throws ServingError MODEL_INVALID */
export async function startModel(loaded: LoadedModel, options: StartOptions): Promise<ServedModel> {
  const { config, log, labels = [] } = options;
  const name = config.model.name ?? (config.model.path === undefined ? BUNDLED_NAME : loaded.stem);
  const { version } = config.model;
  const metadata = { name, versions: [version], platform: 'onnxruntime_onnx', ...loaded.signature };
  const kernels = await kernelsFor(config);
  const runtime = await runtimeOf(name, loaded, kernels, options);
  const outputs = metadata.outputs.map((output) => output.name);
  return startServing(loaded, options, {
    metadata,
    configuration: configurationOf(metadata, loaded, config, labels.length > 0),
    runtime,
    kernels: typeof kernels === 'string' ? kernels : 'none',
    upstream: undefined,
    timing: (loop, kept, decides) =>
      SparseServing.open({ name, loaded, config, runtime, loop, outputs, kernels, decides, kept, log }),
  });
}

async function runtimeOf(
  name: string,
  loaded: LoadedModel,
  kernels: Kernels | NoKernels,
  { config, metrics, log, startRuntime = WorkerRuntime.start }: StartOptions,
): Promise<Runtime> {
  const { workers = 1, maxShadowQueue, maxRunSeconds, intraOpThreads, gates } = config.runtime;
  const of = { model: name, version: config.model.version };
  const { limits, wrap } = batchingFor(loaded, of, config, metrics, log);
  const runtime = await startRuntime(
    { ...loaded.setup, intraOpThreads, ...(typeof kernels === 'object' ? {} : { kernels }) },
    {
      workers,
      ...limits,
      maxShadowQueue,
      maxRunSeconds,
      sites: gates === 'mask' ? config.sites : undefined,
      onWorkerLost: (error) => {
        metrics.workersLost.inc(of);
        log.error({ model: name, error: error.message }, 'worker lost');
      },
      onRunOverdue: (error) => {
        metrics.runsOverdue.inc(of);
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
