import type { Logger } from 'pino';
import { bundledModel } from '../config/bundled-model.ts';
import type { Config } from '../config/schema.ts';
import { loadModel } from '../runtime/local/load-model.ts';
import { readModelInThread } from '../runtime/local/read-model.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { nameOfFile, opener } from './open-model.ts';
import { RepositoryPolling } from './repository/polling.ts';
import { ModelRegistry } from './repository/registry.ts';
import { fileSource, repositorySource } from './repository/source.ts';

export interface OpenedModels {
  readonly models: ModelRegistry;
  /** Follows the files no longer, finishes what was accepted, then stops the workers. */
  readonly close: () => Promise<void>;
}

/**
 * The models of a server, each with its loop running; all were tried before anything is served.
 *
 * @throws ServingError FILE_NOT_FOUND or MODEL_INVALID: a single model that cannot be loaded, or no repository. One of many
 *   models that cannot be loaded is unavailable, and no error.
 */
export async function openModels(config: Config, metrics: Metrics, log: Logger): Promise<OpenedModels> {
  const { path, version, repository, versions, readiness, pollSeconds } = config.model;
  const source =
    repository === undefined
      ? fileSource(path ?? bundledModel('model.onnx'), nameOfFile(config.model), version)
      : repositorySource(repository);
  // Later, there are requests that must not wait for the reading of a model; the thread for it takes a while to start.
  let isServing = false;
  const open = opener({
    config,
    metrics,
    log,
    read: (...file) => (isServing ? readModelInThread : loadModel)(...file),
    models: () => registry.size,
  });
  const registry = new ModelRegistry({ source, versions, readiness, open, log });
  const [problem] = await registry.loadAll();
  isServing = true;
  if (problem !== undefined && repository === undefined) throw problem.error;
  const polling = new RepositoryPolling(registry, log);
  if (pollSeconds > 0) polling.start(pollSeconds * 1000);
  return {
    models: registry,
    close: async () => {
      polling.stop();
      await registry.close();
    },
  };
}
