import type { Hono } from 'hono';
import type { Logger } from 'pino';
import { type Observable, ReplaySubject } from 'rxjs';
import { bundledModel } from './bundled.ts';
import type { Config } from './config.ts';
import type { ControllerState } from './control/state.ts';
import type { GrpcAddress, GrpcListening } from './grpc/server.ts';
import { createApp } from './http/app.ts';
import type { NodeBindings } from './http/body.ts';
import { consoleRoutes } from './http/console-routes.ts';
import { type EarlyRefusal, refuseWhenOverloaded } from './http/early-refusal.ts';
import type { InferContext } from './http/plane.ts';
import { createPruningRoutes } from './http/pruning-routes.ts';
import type { InferRequest, InferResponse } from './protocol/types.ts';
import { loadModel } from './runtime/load-model.ts';
import { ServingPlane } from './serving/plane.ts';
import { createPruningPlane } from './serving/pruning-plane.ts';
import { ServedModel } from './serving/served-model.ts';
import { Metrics } from './telemetry/metrics.ts';
import { VERSION } from './version.ts';

export interface Taustat {
  /** Everything over HTTP, to be mounted in any Hono application: `app.route('/', taustat.routes)`. */
  readonly routes: Hono<{ Bindings: NodeBindings }>;
  /** For a node server, to be asked before `routes`: refuses cheaply what an overloaded model would refuse anyway. */
  readonly refuseEarly: EarlyRefusal;
  /** The served model's name. */
  readonly model: string;
  /** One inference without HTTP. @throws ServingError */
  readonly infer: (request: InferRequest, context?: InferContext) => Promise<InferResponse>;
  /** The controller's present state, then every new one. */
  readonly state$: Observable<ControllerState>;
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

/**
 * The whole flow: a model file becomes workers and a thermostat, and both become routes.
 *
 * @throws ServingError FILE_NOT_FOUND or MODEL_INVALID.
 */
export async function compose(config: Config, log: Logger): Promise<Taustat> {
  const metrics = new Metrics();
  const loaded = await loadModel(config.model.path ?? bundledModel('model.onnx'), config.sites);
  if (loaded.sites.length === 0) {
    log.warn({ skipped: loaded.skipped.length }, 'the model has no gateable site: it is served dense');
  }
  const served = await ServedModel.start(loaded, config, metrics, log);
  const plane = new ServingPlane(VERSION, new Map([[served.name, served]]));
  const draining$ = new ReplaySubject<void>(1);
  const drain = () => {
    plane.isDraining = true;
    draining$.next();
  };
  const expose = async (accept?: string) => {
    served.exportMetrics();
    return metrics.expose(accept);
  };

  const { maxBodyBytes, maxBatch } = config.server;
  const report = (error: unknown) => log.error({ error }, 'request failed');
  const routes = createApp(plane, { maxBodyBytes, maxBatch }, report);
  routes.route('/', createPruningRoutes(createPruningPlane(plane, draining$), config.control.token));
  routes.get('/metrics', async (context) => {
    const { contentType, body } = await expose(context.req.header('accept'));
    return context.body(body, 200, { 'Content-Type': contentType });
  });
  routes.route('/', consoleRoutes());

  return {
    routes,
    refuseEarly: refuseWhenOverloaded(plane),
    model: served.name,
    infer: (request, context = {}) => served.infer(request, { keepInputs: true, ...context }),
    state$: served.thermostat.state$,
    metrics: expose,
    listenGrpc: async (address) => {
      // Not loaded by those who do not use it: 12 MB and most of a tenth of a second.
      const { listenGrpc } = await import('./grpc/server.ts');
      const { host, grpcPort: port = 0 } = config.server;
      return listenGrpc(
        plane,
        { host, port, ...address },
        { maxMessageBytes: maxBodyBytes, maxBatch, report },
      );
    },
    drain,
    close: async () => {
      drain();
      await served.close();
    },
  };
}
