import type { Hono } from 'hono';
import type { Tokens } from '../../plane/authorization.ts';
import type { InferencePlane } from '../../plane/inference.ts';
import type { PruningPlane } from '../../plane/pruning.ts';
import type { RepositoryPlane } from '../../plane/repository.ts';
import { requireToken } from './access.ts';
import { createApp } from './app.ts';
import type { NodeBindings } from './body.ts';
import { compress } from './compression.ts';
import { consoleRoutes } from './console-routes.ts';
import { answerInferDirectly, type DirectAnswer } from './direct-infer.ts';
import type { HttpLimits } from './limits.ts';
import { openApiRoutes } from './openapi/routes.ts';
import { createPruningRoutes } from './pruning-routes.ts';
import { createRepositoryRoutes } from './repository-routes.ts';
import { chooseEncoding } from './request-headers.ts';

/** Everything that a server offers to transports. */
export interface Planes {
  readonly inference: InferencePlane;
  readonly pruning: PruningPlane;
  readonly repository: RepositoryPlane;
  /** The text of `/metrics` in the format that the Accept header prefers. */
  readonly expose: (accept?: string) => Promise<{ readonly contentType: string; readonly body: string }>;
}

export interface ApplicationOptions extends Partial<HttpLimits> {
  readonly tokens: Tokens;
  /** Serves `/metrics` without a token even if there is a data token. */
  readonly openMetrics: boolean;
  /** Called with errors that are the server's fault. */
  readonly report: (error: unknown) => void;
}

export interface Application {
  readonly routes: Hono<{ Bindings: NodeBindings }>;
  /** Called before the routes: answers plain inference requests without a router. */
  readonly answerDirectly: DirectAnswer;
}

/** Everything over HTTP: inference, control, repository, their description, metrics, and the console. */
export function httpApplication(planes: Planes, options: ApplicationOptions): Application {
  const { inference, pruning, repository, expose } = planes;
  const { tokens, openMetrics, report, ...limits } = options;
  const guard = requireToken(tokens);
  const routes = createApp(inference, limits, report, tokens.data === undefined ? undefined : guard);
  routes.route('/', createPruningRoutes(pruning, tokens.control, limits));
  routes.route('/', createRepositoryRoutes(repository, tokens.control, report, limits));
  routes.route('/', openApiRoutes());
  if (!openMetrics) routes.use('/metrics', guard);
  routes.get('/metrics', async (context) => {
    const { contentType, body } = await expose(context.req.header('accept'));
    const headers = { 'Content-Type': contentType, Vary: 'Accept, Accept-Encoding' };
    const encoding = chooseEncoding(context.req.header('accept-encoding'));
    if (encoding === 'identity') return context.body(body, 200, headers);
    const compressed = await compress(encoding, Buffer.from(body));
    return context.body(new Uint8Array(compressed), 200, { ...headers, 'Content-Encoding': encoding });
  });
  routes.route('/', consoleRoutes());
  return { routes, answerDirectly: answerInferDirectly(inference, limits, tokens, report) };
}
