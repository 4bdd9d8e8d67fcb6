import type { Hono } from 'hono';
import { pino } from 'pino';
import { parseConfig } from '../../src/config/schema.ts';
import { LocalInferencePlane } from '../../src/models/inference-plane.ts';
import { LiveModel } from '../../src/models/live-model.ts';
import { startModel } from '../../src/models/served/start-model.ts';
import { modelSignature } from '../../src/onnx/signature.ts';
import type { ModelMetadata } from '../../src/protocol/types.ts';
import type { LoadedModel } from '../../src/runtime/local/load-model.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { createApp } from '../../src/transport/http/app.ts';
import type { NodeBindings } from '../../src/transport/http/body.ts';
import { createRepositoryRoutes } from '../../src/transport/http/repository-routes.ts';
import { MODELS } from '../conformance/models.ts';
import { FakeRepositoryPlane } from '../transport/http/fake-repository-plane.ts';
import { identityRuntime } from './identity-runtime.ts';

export const MAX_BODY_BYTES = 64 * 1024;
const NO_IDENTITY = new Set(['perceptron', 'slow', 'speaks no UTF-8']);

/** The models that answer their inputs. */
export const IDENTITIES: readonly string[] = [...MODELS.keys()].filter((name) => !NO_IDENTITY.has(name));

export interface Target {
  readonly app: Hono<{ Bindings: NodeBindings }>;
  readonly models: readonly ModelMetadata[];
  /** Errors that the server reported as its own fault. */
  readonly reported: readonly unknown[];
}

/** The application, the codecs and the data plane as they are, over models that run in this thread. */
export async function openTarget(): Promise<Target> {
  const log = pino({ level: 'silent' });
  const metrics = new Metrics();
  const served = await Promise.all(
    IDENTITIES.map((name) => {
      const config = parseConfig({
        model: { name },
        runtime: { gates: 'mask' },
        telemetry: { logLevel: 'silent' },
      });
      const startRuntime = async () => identityRuntime();
      return startModel(loaded(name), { config, metrics, log, startRuntime });
    }),
  );
  const live = new Map(served.map((model) => [model.name, new LiveModel(model)]));
  const plane = new LocalInferencePlane('0', {
    isReady: true,
    missing: [],
    names: () => [...live.keys()],
    find: (name, version = '1') => (version === '1' ? live.get(name) : undefined),
    live: (name) => [live.get(name)!],
    has: (name) => live.has(name),
  });
  const reported: unknown[] = [];
  const app = createApp(plane, { maxBodyBytes: MAX_BODY_BYTES }, (error) => reported.push(error));
  app.route(
    '/',
    createRepositoryRoutes(new FakeRepositoryPlane(), undefined, (error) => reported.push(error)),
  );
  return { app, models: served.map(({ metadata }) => metadata), reported };
}

/** What a server says of a model, the names of its dimensions included. */
export function metadataOf(name: string): ModelMetadata {
  return { name, versions: ['1'], platform: 'onnxruntime_onnx', ...modelSignature(MODELS.get(name)!()) };
}

function loaded(name: string): LoadedModel {
  const signature = metadataOf(name);
  const setup = { plain: new Uint8Array(), taps: [] };
  return {
    stem: name,
    hash: '',
    signature,
    rowMeetings: [],
    sites: [],
    skipped: [],
    softmaxOutputs: [],
    setup,
  };
}
