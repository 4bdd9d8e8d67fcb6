import type { Logger } from 'pino';
import { defer, EMPTY, ReplaySubject, switchMap } from 'rxjs';
import type { Config } from './config/schema.ts';
import { VERSION } from './config/version.ts';
import { inferOver } from './models/infer-call.ts';
import { LocalInferencePlane } from './models/inference-plane.ts';
import { collectMetrics, exportMetrics, modesOf } from './models/models-metrics.ts';
import { processesOf } from './models/open-model.ts';
import { modelsOf } from './models/open-models.ts';
import { createPruningPlane } from './models/pruning-plane.ts';
import { sharedStoreOf } from './models/shared-store.ts';
import { everywhere, type Siblings } from './models/siblings.ts';
import { passThroughOf } from './models/upstream/pass-through.ts';
import { removeOldState } from './store/old-state.ts';
import type { Taustat, UnopenedTaustat } from './taustat.ts';
import { Metrics } from './telemetry/metrics.ts';
import { requestOf, traceFields } from './telemetry/tracing.ts';
import { boundsOf } from './transport/bounds.ts';
import { httpApplication } from './transport/http/application.ts';

/** The flow with its models open. @throws ServingError FILE_NOT_FOUND or MODEL_INVALID: see `modelsOf`. */
export async function compose(config: Config, log: Logger): Promise<Taustat> {
  const taustat = assemble(config, log);
  await taustat.open();
  return taustat;
}

/**
 * The whole flow: model files become workers and control loops, these become planes, and the planes become routes.
 *
 * @param siblings - the other processes of the same server.
 */
export function assemble(config: Config, log: Logger, siblings?: Siblings): UnopenedTaustat {
  const { server, control, sampling, telemetry } = config;
  const metrics = new Metrics();
  removeOldState(config, log);
  // The models, each with its loop once it is open.
  const openShared = sharedStoreOf(config, log, siblings?.store);
  const { models, open, close } = modelsOf(config, metrics, log, openShared);
  let model = '';
  const draining$ = new ReplaySubject<void>(1);

  // What can be asked of them.
  const inference = new LocalInferencePlane(VERSION, models);
  inference.isOpening = true;
  const pruning = createPruningPlane(models, draining$, { allowRecord: sampling.allowRecord, log });
  const expose = (accept?: string) => exportMetrics(models, metrics, accept, siblings);

  // How it is asked.
  const configured = new Set(config.upstream.models.map(({ name }) => name));
  const isConfigured = (name: string) => configured.has(name);
  const tokens = { data: server.token, control: control.token };
  const report = (error: unknown) => log.error({ error, ...traceFields(requestOf(error)) }, 'request failed');
  const { sequenceHeader } = sampling;
  const { openMetrics } = telemetry;
  const share = siblings === undefined ? 1 : processesOf(config);
  const passing = passThroughOf(config, (name) => models.has(name) || isConfigured(name));
  const bounds = boundsOf(server, metrics, share);
  const options = { ...bounds, sequenceHeader, tokens, openMetrics, report, passThrough: passing };
  const repository = siblings === undefined ? models : everywhere(models, siblings);
  const planes = { inference, pruning, repository, expose };
  const { routes, answerDirectly } = httpApplication(planes, options);
  const drain = () => {
    inference.isDraining = true;
    draining$.next();
  };

  return {
    routes,
    answerDirectly,
    onConnectionRefused: options.onConnectionRefused,
    open: async (isListening = false) => {
      await open(isListening);
      model = models.names()[0] ?? config.upstream.models[0]?.name ?? '';
      inference.isOpening = false;
    },
    get model() {
      return model;
    },
    models: () => models.names(),
    modes: () => modesOf(models),
    infer: inferOver(inference, () => model, server),
    state$: defer(() => models.current$(model).pipe(switchMap((served) => served?.loop.state$ ?? EMPTY))),
    repository,
    metrics: expose,
    here: { repository: models, collect: () => collectMetrics(models, metrics) },
    listenGrpc: async (address) => {
      // Not loaded by those who do not use it: 12 MB and most of a tenth of a second.
      const { listenGrpc } = await import('./transport/grpc/server.ts');
      const { host, grpcPort: port = 0 } = server;
      const grpc = await passing?.openGrpc();
      const passes = grpc && passing && { ...grpc, passes: passing.passes };
      const { passThrough: _, ...more } = options;
      return listenGrpc(inference, { host, port, ...address }, { ...more, repository, passThrough: passes });
    },
    drain,
    close: async () => {
      drain();
      await close();
      await passing?.close();
    },
  };
}
