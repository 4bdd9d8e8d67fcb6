import type { Hono } from 'hono';
import type { Observable } from 'rxjs';
import type { Mode } from './config/modes.ts';
import type { ControllerState } from './control/phases/state.ts';
import type { InferContext } from './plane/inference.ts';
import type { RepositoryPlane } from './plane/repository.ts';
import type { CallRequest } from './protocol/call-request.ts';
import type { InferResponse } from './protocol/types.ts';
import type { MetricsOfProcess } from './telemetry/metrics.ts';
import type { GrpcAddress, GrpcListening } from './transport/grpc/server.ts';
import type { NodeBindings } from './transport/http/body.ts';
import type { DirectAnswer } from './transport/http/direct-infer.ts';

/** A server for ONNX models, to be mounted, listened with, or called. */
export interface Taustat {
  /** Everything over HTTP, to be mounted in any Hono application: `app.route('/', taustat.routes)`. */
  readonly routes: Hono<{ Bindings: NodeBindings }>;
  /** For a node server, to be asked before `routes`: answers most inference requests, and refuses them, without the way through there. */
  readonly answerDirectly: DirectAnswer;
  /** To be called by a node server that closes a connection because it has too many: counts it. */
  readonly onConnectionRefused: () => void;
  /** The served model's name; of a repository the first that answered at the start, empty when none did; of an upstream server the first. */
  readonly model: string;
  /** Names of the models that answer now. */
  readonly models: () => readonly string[];
  /** The mode in force of every model that answers now: of the settings, or what an operator chose. */
  readonly modes: () => Readonly<Record<string, Mode>>;
  /**
   * One inference without HTTP, of `model` unless another one is named. Datatypes and shapes that a request leaves out are the
   * model's, and it is checked as if it had come over HTTP.
   *
   * @throws ServingError, and nothing else.
   */
  readonly infer: (request: CallRequest, context?: InferContext & ModelChoice) => Promise<InferResponse>;
  /** The state of `model`'s controller, then every new one. */
  readonly state$: Observable<ControllerState>;
  /** What is served and why not; loads models, and unloads them. */
  readonly repository: RepositoryPlane;
  /** The text of `/metrics` in the format that an Accept header asks for. */
  readonly metrics: (accept?: string) => Promise<{ contentType: string; body: string }>;
  /**
   * Serves the same over gRPC, on a port of its own; stop it before `close`.
   *
   * @param address - by default `server.host` and `server.grpcPort`, or a free port where that is not set.
   * @throws ServingError ADDRESS_IN_USE or CONFIG_INVALID.
   */
  readonly listenGrpc: (address?: Partial<GrpcAddress>) => Promise<GrpcListening>;
  /** From now on not ready; requests are still answered, event streams end. */
  readonly drain: () => void;
  /** Finishes what was accepted, then stops the workers. */
  readonly close: () => Promise<void>;
}

/** A server that can be listened with already: live, not ready, and everything else is unavailable until it is open. */
export interface UnopenedTaustat extends Taustat {
  /**
   * Opens the models.
   *
   * @param isListening - requests may come meanwhile: nothing holds up the thread that serves.
   * @throws ServingError FILE_NOT_FOUND or MODEL_INVALID.
   */
  readonly open: (isListening?: boolean) => Promise<void>;
  /** What this process alone does, where it is one of several of a server. */
  readonly here: {
    readonly repository: RepositoryPlane;
    readonly collect: () => Promise<MetricsOfProcess>;
  };
}

/** Which model is called, and which version of it. */
export interface ModelChoice {
  readonly model?: string;
  readonly version?: string;
}
