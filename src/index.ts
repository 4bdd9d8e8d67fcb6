import { compose } from './compose.ts';
import { type ConfigInput, parseConfig } from './config/schema.ts';
import type { Taustat } from './taustat.ts';
import { createLog } from './telemetry/log.ts';

/**
 * A server for ONNX models, one or a repository of them, each with its thermostat; to be mounted in any Hono application or used without HTTP.
 *
 * @param config - as in the configuration file; everything has a default.
 * @throws ServingError CONFIG_INVALID, FILE_NOT_FOUND or MODEL_INVALID.
 */
export async function createTaustat(config: ConfigInput = {}): Promise<Taustat> {
  const parsed = parseConfig(config);
  return compose(parsed, createLog(parsed));
}

export { type ErrorCode, ServingError } from './config/errors.ts';
export type { Mode } from './config/modes.ts';
export type { Config, ConfigInput } from './config/schema.ts';
export type { ControllerState, Phase } from './control/phases/state.ts';
export { type InstrumentedModel, type InstrumentOptions, instrument } from './onnx/instrument.ts';
export type { Site, SkippedSite } from './onnx/sites.ts';
export type { IndexEntry, RepositoryPlane } from './plane/repository.ts';
export type { CallInput, CallRequest } from './protocol/call-request.ts';
export type { InferResponse, ModelMetadata, Tensor } from './protocol/types.ts';
export type { ModelChoice, Taustat } from './taustat.ts';
export type { Analysis } from './tools/analyze/analysis.ts';
export { analyze } from './tools/analyze/analyze.ts';
export type { AnalyzeOptions } from './tools/analyze/options.ts';
export type { GrpcAddress, GrpcListening } from './transport/grpc/server.ts';
