import { messageOf, ServingError } from '../config/errors.ts';
import type { InferContext, InferencePlane } from '../plane/inference.ts';
import { parseVersion } from '../plane/model-version.ts';
import { type CallRequest, requestOfCall } from '../protocol/call-request.ts';
import type { DecodeLimits } from '../protocol/decode-request.ts';
import { askedOutputs } from '../protocol/encode-response.ts';
import type { InferResponse } from '../protocol/types.ts';
import { RequestSpan, type TraceHeaders } from '../telemetry/tracing.ts';

type InferCall = (
  request: CallRequest,
  context?: Omit<InferContext, 'trace'> &
    TraceHeaders & { readonly model?: string; readonly version?: string },
) => Promise<InferResponse>;

/**
 * Inference for code in the same process, with the checks of every transport.
 *
 * @param defaultModel - the model for requests that name none.
 */
export function inferOver(
  plane: InferencePlane,
  defaultModel: () => string,
  limits: DecodeLimits,
): InferCall {
  return async (
    call,
    { model: name = defaultModel(), version, traceparent, tracestate, ...context } = {},
  ) => {
    const attributes = { 'taustat.model': name };
    const trace = new RequestSpan({ name: 'taustat.infer', attributes, traceparent, tracestate });
    try {
      const model = plane.find(name, version === undefined ? undefined : parseVersion(name, String(version)));
      const request = requestOfCall(call, model.metadata, limits);
      const response = await model.infer(request, { keepInputs: true, ...context, trace });
      trace.answered({});
      return { ...response, outputs: askedOutputs(response, request) };
    } catch (error) {
      trace.failed(error, {});
      if (error instanceof ServingError) throw error;
      throw new ServingError('INTERNAL', messageOf(error), { cause: error });
    }
  };
}
