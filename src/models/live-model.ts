import type { AnsweringModel, InferContext, TransportTimes } from '../plane/inference.ts';
import type { ModelConfiguration } from '../plane/model-configuration.ts';
import type { InferRequest, InferResponse, ModelMetadata } from '../protocol/types.ts';
import { infer } from './served/infer.ts';
import type { ServedModel } from './served/served-model.ts';

/** A served model while it answers for its version, as clients see it. */
export class LiveModel implements AnsweringModel {
  readonly served: ServedModel;
  readonly metadata: ModelMetadata;
  isCurrent = true;

  /** @param versions - all versions of the model that answer, oldest first. */
  constructor(served: ServedModel, versions: readonly string[] = served.metadata.versions) {
    this.served = served;
    this.metadata = { ...served.metadata, versions };
  }

  get configuration(): ModelConfiguration {
    return this.served.configuration;
  }

  admit(): void {
    this.served.admit();
  }

  infer(request: InferRequest, context: InferContext): Promise<InferResponse> {
    return infer(this.served, request, context);
  }

  transported(times: TransportTimes): void {
    this.served.counter.transported(times);
  }
}
