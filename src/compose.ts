import type { Metadata } from '@grpc/grpc-js';
import type { Hono } from 'hono';
import type { Logger } from 'pino';
import { EMPTY, type Observable, ReplaySubject, switchMap } from 'rxjs';
import { bundledModel } from './config/bundled-model.ts';
import { messageOf, ServingError } from './config/errors.ts';
import type { Mode } from './config/modes.ts';
import type { Config } from './config/schema.ts';
import { VERSION } from './config/version.ts';
import type { ControllerState } from './control/phases/state.ts';
import { ServingPlane } from './models/inference-plane.ts';
import { nameOfFile, opener } from './models/open-model.ts';
import { createPruningPlane } from './models/pruning-plane.ts';
import { RepositoryPolling } from './models/repository/polling.ts';
import { ModelRegistry } from './models/repository/registry.ts';
import { fileSource, repositorySource } from './models/repository/source.ts';
import { mayUseData, type Tokens } from './plane/authorization.ts';
import type { InferContext } from './plane/inference.ts';
import type { RepositoryPlane } from './plane/repository.ts';
import type { InferRequest, InferResponse } from './protocol/types.ts';
import { loadModel } from './runtime/local/load-model.ts';
import { readModelAside } from './runtime/local/read-model.ts';
import { sweep } from './store/files/state-files.ts';
import { defaultStateFolder } from './store/keys.ts';
import { Metrics } from './telemetry/metrics.ts';
import type { GrpcAddress, GrpcListening } from './transport/grpc/server.ts';
import { requireToken } from './transport/http/access.ts';
import { createApp } from './transport/http/app.ts';
import type { NodeBindings } from './transport/http/body.ts';
import { consoleRoutes } from './transport/http/console-routes.ts';
import { answerInferDirectly, type DirectAnswer } from './transport/http/direct-infer.ts';
import { createPruningRoutes } from './transport/http/pruning-routes.ts';
import { createRepositoryRoutes } from './transport/http/repository-routes.ts';

export interface Taustat {
  /** Everything over HTTP, to be mounted in any Hono application: `app.route('/', taustat.routes)`. */
  readonly routes: Hono<{ Bindings: NodeBindings }>;
  /** For a node server, to be asked before `routes`: answers most inference requests, and refuses them, without the way through there. */
  readonly answerDirectly: DirectAnswer;
  /** The served model's name; of a repository the first that answered at the start, empty when none did. */
  readonly model: string;
  /** Names of the models that answer now. */
  readonly models: () => readonly string[];
  /** The mode in force of every model that answers now: of the settings, or what an operator chose. */
  readonly modes: () => Readonly<Record<string, Mode>>;
  /** One inference without HTTP, of `model` unless another one is named. @throws ServingError */
  readonly infer: (request: InferRequest, context?: InferContext & ModelChoice) => Promise<InferResponse>;
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

export interface ModelChoice {
  readonly model?: string;
  readonly version?: string;
}

/**
 * The whole flow: model files become workers and thermostats, and all of them become routes.
 *
 * @throws ServingError FILE_NOT_FOUND or MODEL_INVALID: a single model that cannot be loaded, or no repository. One of many
 *   models that cannot be loaded is unavailable, and no error.
 */
export async function compose(config: Config, log: Logger): Promise<Taustat> {
  const metrics = new Metrics();
  tidyState(config, log);
  const registry = await openRegistry(config, metrics, log);
  const plane = new ServingPlane(VERSION, registry);
  const model = registry.names()[0] ?? '';
  const draining$ = new ReplaySubject<void>(1);
  const drain = () => {
    plane.isDraining = true;
    draining$.next();
  };
  const expose = async (accept?: string) => {
    metrics.resetGauges();
    for (const { name, isReady } of registry.wanted) metrics.modelReady.set({ model: name }, isReady ? 1 : 0);
    for (const name of registry.names()) registry.find(name)?.served.exportMetrics();
    return metrics.expose(accept);
  };
  const polling = new RepositoryPolling(registry, log);
  if (config.model.pollSeconds > 0) polling.start(config.model.pollSeconds * 1000);

  const { maxBodyBytes, maxBatch } = config.server;
  const { token: control } = config.control;
  const tokens: Tokens = { data: config.server.token, control };
  const guard = requireToken(tokens);
  const authorize = (metadata: Metadata) => {
    if (mayUseData((name) => metadata.get(name)[0]?.toString(), tokens)) return;
    throw new ServingError('UNAUTHORIZED', 'a bearer token or an API key is needed');
  };
  const report = (error: unknown) => log.error({ error }, 'request failed');
  const isGuarded = config.server.token !== undefined;
  const routes = createApp(plane, { maxBodyBytes, maxBatch }, report, isGuarded ? guard : undefined);
  const pruning = createPruningPlane(plane, (name) => registry.current$(name), draining$);
  routes.route('/', createPruningRoutes(pruning, control));
  routes.route('/', createRepositoryRoutes(registry, control, report));
  if (!config.telemetry.openMetrics) routes.use('/metrics', guard);
  routes.get('/metrics', async (context) => {
    const { contentType, body } = await expose(context.req.header('accept'));
    return context.body(body, 200, { 'Content-Type': contentType });
  });
  routes.route('/', consoleRoutes());

  return {
    routes,
    answerDirectly: answerInferDirectly(plane, { maxBodyBytes, maxBatch }, tokens, report),
    model,
    models: () => registry.names(),
    modes: () =>
      Object.fromEntries(
        registry.names().flatMap((name) => {
          const served = registry.find(name)?.served;
          return served === undefined ? [] : [[name, served.thermostat.state.mode]];
        }),
      ),
    infer: async (request, { model: name = model, version, ...context } = {}) =>
      plane.infer(name, version, request, { keepInputs: true, ...context }),
    state$: registry.current$(model).pipe(switchMap((served) => served?.thermostat.state$ ?? EMPTY)),
    repository: registry,
    metrics: expose,
    listenGrpc: async (address) => {
      // Not loaded by those who do not use it: 12 MB and most of a tenth of a second.
      const { listenGrpc } = await import('./transport/grpc/server.ts');
      const { host, grpcPort: port = 0 } = config.server;
      return listenGrpc(
        plane,
        { host, port, ...address },
        { maxMessageBytes: maxBodyBytes, maxBatch, report, authorize },
      );
    },
    drain,
    close: async () => {
      drain();
      polling.stop();
      await registry.close();
    },
  };
}

/** What servers have left in the state folder goes in its time; nothing waits for that. */
function tidyState({ store }: Config, log: Logger): void {
  if (store.enabled !== true) return;
  const { folder = defaultStateFolder(), keepDays } = store;
  sweep(folder, keepDays, Date.now()).catch((error: unknown) =>
    log.warn({ folder, error: messageOf(error) }, 'old state was not removed'),
  );
}

/** All models are tried before anything is served. */
async function openRegistry(config: Config, metrics: Metrics, log: Logger): Promise<ModelRegistry> {
  const { path, version, repository, versions, readiness } = config.model;
  const file = path ?? bundledModel('model.onnx');
  const source =
    repository === undefined
      ? fileSource(file, nameOfFile(config.model), version)
      : repositorySource(repository);
  // Later, there are requests that must not wait for the reading of a model; the thread for it takes a while to start.
  let isServing = false;
  const open = opener({
    config,
    metrics,
    log,
    read: (...file) => (isServing ? readModelAside : loadModel)(...file),
    models: () => registry.size,
  });
  const registry = new ModelRegistry({ source, versions, readiness, open, log });
  const [problem] = await registry.loadAll();
  isServing = true;
  if (problem !== undefined && repository === undefined) throw problem.error;
  return registry;
}
