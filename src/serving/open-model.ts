import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import type { Logger } from 'pino';
import { BUNDLED_NAME } from '../bundled.ts';
import type { Config } from '../config.ts';
import type { Mode } from '../control/state.ts';
import { defaultStateFolder } from '../memory/keeper.ts';
import type { SiteOptions } from '../onnx/sites.ts';
import type { OpenVersion } from '../repository/model-entry.ts';
import type { LoadedModel } from '../runtime/load-model.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { ServedModel } from './served-model.ts';

export interface Opening {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Reads a file and gates the model in it. */
  readonly read: (path: string, sites: SiteOptions) => Promise<LoadedModel>;
  /** How many models share the machine at the time. */
  readonly models: () => number;
}

/** How versions of models are opened: file read, model gated, workers ready. */
export function opener({ config, metrics, log, read, models }: Opening): OpenVersion {
  return async (name, { version, path }, { replaces, mode }) => {
    const loaded = await read(path, config.sites);
    if (replaces !== undefined && isSame(loaded, replaces.loaded)) return replaces;
    await replaces?.kept();
    if (loaded.sites.length === 0) {
      const skipped = loaded.skipped.length;
      log.warn({ model: name, skipped }, 'the model has no gateable site: it is served dense');
    }
    const workers = config.runtime.workers ?? workersEach(models());
    const served = await ServedModel.start(
      loaded,
      {
        ...config,
        model: { ...config.model, name, version },
        runtime: { ...config.runtime, workers },
        store: { ...config.store, folder: storeOf(config, version) },
      },
      metrics,
      log,
    );
    if (mode !== undefined) served.thermostat.setMode(modeAfter(mode), undefined, Date.now());
    log.info({ model: name, version, sites: loaded.sites.length, workers }, 'model loaded');
    return served;
  };
}

/** Versions that are served at the same time may have the same bytes, under whose hash state is kept. */
function storeOf({ model, store }: Config, version: string): string | undefined {
  return model.versions === 'all' ? join(store.folder ?? defaultStateFolder(), version) : store.folder;
}

/** Worker threads of each of so many models: one core is left to the HTTP thread, every model has a worker. */
export function workersEach(models: number, cores = availableParallelism()): number {
  return Math.max(1, Math.floor((cores - 1) / Math.max(1, models)));
}

/**
 * What an operator has chosen for a model stays for what takes its place, but a threshold that was fixed for other weights
 * says nothing about these: they are observed.
 */
export function modeAfter(chosen: Mode): Mode {
  return chosen === 'fixed' ? 'observe' : chosen;
}

/** The name of a model that is served from one file. */
export function nameOfFile({ name, path }: Config['model']): string {
  if (name !== undefined) return name;
  return path === undefined ? BUNDLED_NAME : basename(path).replace(/\.onnx$/i, '');
}

/** Weights in files of their own are not in the hash. */
function isSame(a: LoadedModel, b: LoadedModel): boolean {
  return a.hash === b.hash && a.setup.externalFolder === undefined && b.setup.externalFolder === undefined;
}
