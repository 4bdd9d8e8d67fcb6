import type { Logger } from 'pino';
import { EMPTY, ReplaySubject, switchMap } from 'rxjs';
import type { Config } from './config/schema.ts';
import { VERSION } from './config/version.ts';
import { LocalInferencePlane } from './models/inference-plane.ts';
import { exportMetrics, modesOf } from './models/model-figures.ts';
import { openModels } from './models/open-models.ts';
import { createPruningPlane } from './models/pruning-plane.ts';
import { sweepState } from './store/sweep.ts';
import type { Taustat } from './taustat.ts';
import { type Bound, Metrics } from './telemetry/metrics.ts';
import { BufferedBytes } from './transport/buffered-bytes.ts';
import { httpApplication } from './transport/http/application.ts';

/**
 * The whole flow: model files become workers and control loops, these become planes, and the planes become routes.
 *
 * @throws ServingError FILE_NOT_FOUND or MODEL_INVALID: see `openModels`.
 */
export async function compose(config: Config, log: Logger): Promise<Taustat> {
  const { server, control, telemetry } = config;
  const metrics = new Metrics();
  sweepState(config, log);

  // Open the models, and start their loops.
  const { models, close } = await openModels(config, metrics, log);
  const model = models.names()[0] ?? '';
  const draining$ = new ReplaySubject<void>(1);

  // What can be asked of them.
  const inference = new LocalInferencePlane(VERSION, models);
  const pruning = createPruningPlane(models, draining$);
  const expose = (accept?: string) => exportMetrics(models, metrics, accept);

  // How it is asked.
  const tokens = { data: server.token, control: control.token };
  const report = (error: unknown) => log.error({ error }, 'request failed');
  const planes = { inference, pruning, repository: models, expose };
  const { maxBodyBytes, maxBatch, maxEventStreams, maxConnections } = server;
  const refused = (bound: Bound) => () => metrics.refused.inc({ bound });
  const buffered = new BufferedBytes(server.maxBufferedBytes, refused('buffered_bytes'));
  const onStreamRefused = refused('event_streams');
  const onConnectionRefused = refused('connections');
  const bounds = { maxBodyBytes, maxBatch, maxEventStreams, buffered, onStreamRefused };
  const options = { ...bounds, tokens, openMetrics: telemetry.openMetrics, report };
  const { routes, answerDirectly } = httpApplication(planes, options);
  const drain = () => {
    inference.isDraining = true;
    draining$.next();
  };

  return {
    routes,
    answerDirectly,
    onConnectionRefused,
    model,
    models: () => models.names(),
    modes: () => modesOf(models),
    infer: async (request, { model: name = model, version, ...context } = {}) =>
      inference.find(name, version).infer(request, { keepInputs: true, ...context }),
    state$: models.current$(model).pipe(switchMap((served) => served?.loop.state$ ?? EMPTY)),
    repository: models,
    metrics: expose,
    listenGrpc: async (address) => {
      // Not loaded by those who do not use it: 12 MB and most of a tenth of a second.
      const { listenGrpc } = await import('./transport/grpc/server.ts');
      const { host, grpcPort: port = 0 } = server;
      const ofConnections = { maxConnections, onConnectionRefused, maxMessageBytes: maxBodyBytes };
      return listenGrpc(inference, { host, port, ...address }, { ...options, ...ofConnections });
    },
    drain,
    close: async () => {
      drain();
      await close();
    },
  };
}
