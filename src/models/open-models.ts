import type { Logger } from 'pino';
import { bundledModel } from '../config/bundled-model.ts';
import type { Config } from '../config/schema.ts';
import { loadModel } from '../runtime/local/load-model.ts';
import { readModelInThread } from '../runtime/local/read-model.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { nameOfFile, versionOpener } from './open-model.ts';
import { RepositoryPolling } from './repository/polling.ts';
import { canComeLater, ModelRegistry } from './repository/registry.ts';
import { fileSource, repositorySource } from './repository/source.ts';
import { type SharedStoreOpener, sharedStoreOf } from './shared-store.ts';
import { upstreamModels } from './upstream/open-upstream.ts';

export interface Models {
  readonly models: ModelRegistry;
  /**
   * Opens all models.
   *
   * @param isListening - requests may arrive while the models are opened.
   * @throws ServingError FILE_NOT_FOUND or MODEL_INVALID: a single model that cannot be loaded, or no repository. If a model
   *   of a repository cannot be loaded, it is unavailable instead.
   */
  readonly open: (isListening: boolean) => Promise<void>;
  /** Stops polling the files, finishes accepted requests, then stops the workers. */
  readonly close: () => Promise<void>;
}

/** How often an upstream server is asked whether its models are still the same. */
const UPSTREAM_POLL_SECONDS = 1;

/** The models of a server; once opened, each runs its control loop. */
export function modelsOf(
  config: Config,
  metrics: Metrics,
  log: Logger,
  openShared: SharedStoreOpener = sharedStoreOf(config, log),
): Models {
  const { path, version, repository, versions, readiness, pollSeconds } = config.model;
  const fileOrRepository = () =>
    repository === undefined
      ? fileSource(path ?? bundledModel('model.onnx'), nameOfFile(config.model), version)
      : repositorySource(repository);
  // Once requests may come, models are read in a thread of their own, which takes a while to start.
  let isServing = false;
  let shared: ReturnType<SharedStoreOpener> | undefined;
  const sharedOnce = () => {
    shared ??= openShared();
    return shared;
  };
  const upstream =
    config.upstream.url === undefined ? undefined : upstreamModels(config, metrics, log, sharedOnce);
  const source = upstream?.source ?? fileOrRepository();
  const openFile = versionOpener({
    config,
    metrics,
    log,
    read: (...file) => (isServing ? readModelInThread : loadModel)(...file),
    models: () => registry.size,
    shared: sharedOnce,
  });
  const open = upstream?.open ?? openFile;
  const registry = new ModelRegistry({ source, versions, readiness, open, log });
  const polling = new RepositoryPolling(registry, log);
  return {
    models: registry,
    open: async (isListening) => {
      isServing = isListening;
      const [problem] = await registry.loadAll();
      isServing = true;
      if (problem !== undefined && repository === undefined && !canComeLater(problem.error))
        throw problem.error;
      const seconds = upstream === undefined ? pollSeconds : pollSeconds || UPSTREAM_POLL_SECONDS;
      if (seconds > 0) polling.start(seconds * 1000);
    },
    close: async () => {
      polling.stop();
      await registry.close();
      await upstream?.close();
      await (await shared)?.close();
    },
  };
}
