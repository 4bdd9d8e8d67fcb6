import { ServingError } from '../config/errors.ts';
import {
  type AnsweringModel,
  type InferencePlane,
  type ModelStatistics,
  modelsAreOpening,
  unknownModel,
} from '../plane/inference.ts';
import type { LiveModel } from './live-model.ts';

/** The models of this process that answer requests. */
export interface LiveModels {
  readonly isReady: boolean;
  /** Names of the models that should answer but do not. */
  readonly missing: readonly string[];
  /** Names of the models with a version that answers. */
  names(): readonly string[];
  /** The model's version; if none is given, the one that answers by default. */
  find(name: string, version?: string): LiveModel | undefined;
  /** Every version of a model that answers. */
  live(name: string): readonly LiveModel[];
  /** Why a model does not answer yet; undefined: it does, or nothing is expected of it. Absent: nothing is. */
  awaited?(name: string): string | undefined;
  /** Whether there is such a model, even if no version of it answers. */
  has(name: string): boolean;
}

/** The data plane over the models of this process. */
export class LocalInferencePlane implements InferencePlane {
  readonly version: string;
  readonly #models: LiveModels;
  isLive = true;
  isOpening = false;
  isDraining = false;

  constructor(version: string, models: LiveModels) {
    this.version = version;
    this.#models = models;
  }

  get isReady(): boolean {
    return !this.isOpening && !this.isDraining && this.#models.isReady;
  }

  get missing(): readonly string[] {
    return this.isDraining ? ['the server is shutting down'] : this.#models.missing;
  }

  get problems(): readonly string[] {
    return this.#models.names().flatMap((name) => this.#models.find(name)?.served.sharing?.problems ?? []);
  }

  models(): readonly string[] {
    return this.#models.names();
  }

  find(name: string, version?: string): AnsweringModel {
    if (this.isOpening) throw modelsAreOpening();
    return liveModel(this.#models, name, version);
  }

  isModelReady(name: string, version?: string): boolean {
    if (this.isOpening) return false;
    if (version === undefined && this.#models.has(name))
      return this.#models.find(name)?.served.runtime.isReady ?? false;
    return liveModel(this.#models, name, version).served.runtime.isReady;
  }

  statistics(name: string, version?: string): readonly ModelStatistics[] {
    const asked = liveModel(this.#models, name, version);
    return version === undefined
      ? this.#models.live(name).map(({ served }) => served.statistics)
      : [asked.served.statistics];
  }
}

/** @throws ServingError UNKNOWN_MODEL; UNAVAILABLE for one that is awaited. */
export function liveModel(
  models: Pick<LiveModels, 'find' | 'awaited'>,
  name: string,
  version: string | undefined,
): LiveModel {
  const live = models.find(name, version);
  if (live === undefined) {
    const awaited = models.awaited?.(name);
    if (awaited !== undefined)
      throw new ServingError('UNAVAILABLE', `model '${name}' cannot answer yet: ${awaited}`);
    throw unknownModel(name, version);
  }
  return live;
}
