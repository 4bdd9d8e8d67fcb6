import { basename } from 'node:path';
import type { Logger } from 'pino';
import { BUNDLED_NAME } from '../config/bundled-model.ts';
import { availableCores } from '../config/cores.ts';
import type { Config } from '../config/schema.ts';
import type { SiteOptions } from '../onnx/sites.ts';
import type { LoadedModel } from '../runtime/local/load-model.ts';
import type { ServableModel } from '../runtime/servable-model.ts';
import type { SharedStore } from '../store/shared/shared-store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { readLabels } from './labels.ts';
import type { OpenVersion } from './repository/model-entry.ts';
import { startModel } from './served/start-model.ts';

export interface OpenerOptions {
  readonly config: Config;
  readonly metrics: Metrics;
  /** What replicas share; resolves to undefined where there are none. */
  readonly shared?: () => Promise<SharedStore | undefined>;
  readonly log: Logger;
  /** Reads a file and gates the model in it. */
  readonly read: (path: string, sites: SiteOptions) => Promise<LoadedModel>;
  /** Number of models that share the machine now. */
  readonly models: () => number;
}

/** Returns a function that opens a version of a model: reads its file, gates the model and starts the workers. */
export function versionOpener({ config, metrics, log, read, models, shared }: OpenerOptions): OpenVersion {
  return async (name, { version, path, labelsPath }, { replaces, choice }) => {
    const begunAt = performance.now();
    const loaded = await read(path, config.sites);
    const labels = labelsPath === undefined ? [] : await readLabels(labelsPath);
    const isRead = replaces !== undefined && isSame(loaded, replaces.loaded);
    if (isRead && labels.join('\n') === replaces.classes.labels.join('\n')) return replaces;
    await replaces?.saved();
    if (loaded.sites.length === 0) {
      const skipped = loaded.skipped.length;
      log.warn({ model: name, skipped }, 'the model has no gateable site: it is served dense');
    }
    const cores = Math.floor(availableCores() / processesOf(config));
    const workers = config.runtime.workers ?? workersPerModel(models(), cores);
    const served = await startModel(loaded, {
      config: {
        ...config,
        model: { ...config.model, name, version },
        runtime: { ...config.runtime, workers },
      },
      metrics,
      log,
      inherited: choice,
      labels,
      begunAt,
      shared: await shared?.(),
    });
    log.info({ model: name, version, sites: loaded.sites.length, workers }, 'model loaded');
    return served;
  };
}

/** Worker threads per model: the cores but one (for the HTTP thread), divided among the models; at least 1. */
export function workersPerModel(models: number, cores = availableCores()): number {
  return Math.max(1, Math.floor((cores - 1) / Math.max(1, models)));
}

/** Processes that serve together, each with an equal share of the cores. */
export function processesOf(
  { server: { processes } }: Pick<Config, 'server'>,
  cores = availableCores(),
): number {
  return processes === 'auto' ? Math.max(1, Math.floor(cores / 2)) : processes;
}

/** The name of a model served from a single file. */
export function nameOfFile({ name, path }: Config['model']): string {
  if (name !== undefined) return name;
  return path === undefined ? BUNDLED_NAME : basename(path).replace(/\.onnx$/i, '');
}

/** Whether both are the same model, as far as hashes tell. */
function isSame(a: ServableModel, b: ServableModel): boolean {
  return a.hash === b.hash && a.isHashPartial !== true && b.isHashPartial !== true;
}
