import { type InferContext, type InferencePlane, type ModelStatistics, unknownModel } from '../http/plane.ts';
import type { InferRequest, InferResponse, ModelMetadata } from '../protocol/types.ts';
import type { ServedModel } from './served-model.ts';

/** The data plane over the models of this process. */
export class ServingPlane implements InferencePlane {
  readonly version: string;
  readonly #models: ReadonlyMap<string, ServedModel>;
  isLive = true;
  isDraining = false;

  constructor(version: string, models: ReadonlyMap<string, ServedModel>) {
    this.version = version;
    this.#models = models;
  }

  get isReady(): boolean {
    return !this.isDraining && [...this.#models.values()].every((model) => model.runtime.isReady);
  }

  models(): readonly string[] {
    return [...this.#models.keys()];
  }

  /** @throws ServingError UNKNOWN_MODEL */
  served(name: string, version?: string): ServedModel {
    const model = this.#models.get(name);
    if (model === undefined || (version !== undefined && !model.metadata.versions.includes(version))) {
      throw unknownModel(name, version);
    }
    return model;
  }

  metadata(name: string, version?: string): ModelMetadata {
    return this.served(name, version).metadata;
  }

  isModelReady(name: string, version?: string): boolean {
    return this.served(name, version).runtime.isReady;
  }

  statistics(name: string, version?: string): readonly ModelStatistics[] {
    return [this.served(name, version).statistics];
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
}
