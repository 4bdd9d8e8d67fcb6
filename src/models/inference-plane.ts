import {
  type InferContext,
  type InferencePlane,
  type ModelStatistics,
  unknownModel,
} from '../plane/inference.ts';
import type { InferRequest, InferResponse, ModelMetadata } from '../protocol/types.ts';
import type { Live } from './repository/states.ts';
import type { ServedModel } from './served/served-model.ts';

/** The models of this process, as far as they answer. */
export interface LiveModels {
  readonly isReady: boolean;
  /** Names of the models of which a version answers. */
  names(): readonly string[];
  /** Without a version, the one that answers for the model. */
  find(name: string, version?: string): Live | undefined;
  /** Every version of a model that answers. */
  live(name: string): readonly Live[];
  /** Whether there is such a model, even if no version of it answers. */
  has(name: string): boolean;
}

/** The data plane over the models of this process. */
export class ServingPlane implements InferencePlane {
  readonly version: string;
  readonly #models: LiveModels;
  isLive = true;
  isDraining = false;

  constructor(version: string, models: LiveModels) {
    this.version = version;
    this.#models = models;
  }

  get isReady(): boolean {
    return !this.isDraining && this.#models.isReady;
  }

  models(): readonly string[] {
    return this.#models.names();
  }

  /** @throws ServingError UNKNOWN_MODEL */
  served(name: string, version?: string): ServedModel {
    return this.#find(name, version).served;
  }

  metadata(name: string, version?: string): ModelMetadata {
    return this.#find(name, version).metadata;
  }

  isModelReady(name: string, version?: string): boolean {
    if (version === undefined && this.#models.has(name))
      return this.#models.find(name)?.served.runtime.isReady ?? false;
    return this.served(name, version).runtime.isReady;
  }

  statistics(name: string, version?: string): readonly ModelStatistics[] {
    if (version !== undefined) return [this.served(name, version).statistics];
    this.served(name);
    return this.#models.live(name).map(({ served }) => served.statistics);
  }

  admit(name: string, version?: string): void {
    this.served(name, version).admit();
  }

  infer(
    name: string,
    version: string | undefined,
    request: InferRequest,
    context: InferContext,
  ): Promise<InferResponse> {
    return this.served(name, version).infer(request, context);
  }

  #find(name: string, version?: string): Live {
    const live = this.#models.find(name, version);
    if (live === undefined) throw unknownModel(name, version);
    return live;
  }
}
