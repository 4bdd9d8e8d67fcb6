import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { messageOf, ServingError } from '../../config/errors.ts';
import type { Config } from '../../config/schema.ts';
import { descriptionIn } from '../../onnx/description.ts';
import { decodeModel } from '../../onnx/model-file.ts';
import type { UpstreamClient } from '../../runtime/upstream/client.ts';
import { connectUpstream } from '../../runtime/upstream/connect.ts';
import type { Standing } from '../../runtime/upstream/identity.ts';
import {
  readUpstreamModel,
  type UpstreamModel,
  type UpstreamNames,
} from '../../runtime/upstream/upstream-model.ts';
import { UpstreamRuntime } from '../../runtime/upstream/upstream-runtime.ts';
import type { SharedStore } from '../../store/shared/shared-store.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { OpenVersion } from '../repository/model-entry.ts';
import type { ModelSource } from '../repository/source.ts';
import { configurationOf } from '../served/configuration.ts';
import { startServing } from '../served/start-serving.ts';
import { UpstreamSource } from './upstream-source.ts';
import { UpstreamTiming } from './upstream-timing.ts';

/** Longest time that the server may take to describe a model. */
const DESCRIBE_MS = 10_000;

export interface UpstreamModels {
  readonly source: ModelSource;
  readonly open: OpenVersion;
  readonly close: () => Promise<void>;
}

/**
 * The models that an upstream server runs, as a source of models.
 *
 * @param shared - what replicas share; undefined: this one is by itself.
 * @throws ServingError CONFIG_INVALID, FILE_NOT_FOUND
 */
export function upstreamModels(
  config: Config,
  metrics: Metrics,
  log: Logger,
  shared: () => Promise<SharedStore | undefined>,
): UpstreamModels {
  const { url = '', token, models } = config.upstream;
  const authorization: Readonly<Record<string, string>> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  // Connected at the first use, since the client of its protocol is loaded then.
  let connected: Promise<UpstreamClient> | undefined;
  const client = () => (connected ??= connectUpstream(url, authorization));
  /** How often each model was found to be another one without any sign of it. */
  const generations = new Map<string, number>();
  const names: readonly UpstreamNames[] = models.map(({ name, instrumented, statistics }) => ({
    name,
    instrumented,
    statistics,
  }));
  const files = new Map(models.map(({ name, description }) => [name, description]));
  const read = async (model: UpstreamNames): Promise<UpstreamModel> => {
    const file = files.get(model.name);
    const description = file === undefined ? undefined : await descriptionFrom(file);
    const signal = AbortSignal.timeout(DESCRIBE_MS);
    return readUpstreamModel(
      await client(),
      { ...model, description },
      signal,
      generations.get(model.name) ?? 0,
    );
  };
  const open: OpenVersion = async (name, { version }, { choice }) => {
    const begunAt = performance.now();
    const model = await read(names.find((one) => one.name === name)!);
    const running = await startUpstream(
      model,
      { url, version, client: await client(), config, log },
      {
        generation: generations.get(name) ?? 0,
        onReplaced: () => generations.set(name, (generations.get(name) ?? 0) + 1),
      },
    );
    const options = {
      config: running.config,
      metrics,
      log,
      inherited: choice,
      begunAt,
      shared: await shared(),
    };
    return startServing(model, options, running);
  };
  return {
    source: new UpstreamSource(names, read),
    open,
    close: async () => (await connected)?.close(),
  };
}

interface UpstreamParts {
  readonly url: string;
  readonly version: string;
  readonly client: UpstreamClient;
  readonly config: Config;
  readonly log: Logger;
}

async function startUpstream(
  model: UpstreamModel,
  { url, version, client, config: all, log }: UpstreamParts,
  identity: { readonly generation: number; readonly onReplaced: () => void },
) {
  const { name, instrumented } = model.names;
  const { runtime: limits, upstream } = all;
  const config = {
    ...all,
    model: { ...all.model, name, version },
    batching: { ...all.batching, maxBatch: 1 },
  };
  const { capability, sites } = model;
  const onStanding = (standing: Standing) => {
    const isTrusted = standing.kind === 'trusted';
    if (isTrusted)
      log.info({ model: name, upstream: url }, 'the upstream models are the ones that were proven');
    else
      log.warn(
        { model: name, upstream: url, reason: standing.reason },
        standing.kind === 'doubted'
          ? 'production is dense: the upstream models may be others'
          : 'production is dense: the upstream model was replaced, and is opened again',
      );
    if (standing.kind === 'replaced') identity.onReplaced();
  };
  const runtime = new UpstreamRuntime(client, model, {
    maxConcurrent: upstream.maxConcurrent,
    maxShadows: limits.workers ?? 1,
    maxQueue: limits.maxQueue,
    maxQueueMs: limits.maxQueueMs,
    maxShadowQueue: limits.maxShadowQueue,
    maxRunMs: 1000 * limits.maxRunSeconds,
    forwardHeaders: upstream.forwardHeaders.map((header) => header.toLowerCase()),
    generation: identity.generation,
    onStanding,
    onReadiness: (notReady) => {
      if (notReady === undefined) log.info({ model: name, upstream: url }, 'the upstream server is ready');
      else log.warn({ model: name, upstream: url, reason: notReady }, 'the upstream server is not ready');
    },
  });
  if (capability.kind === 'full')
    log.info({ model: name, upstream: url, instrumented, sites: sites.length }, 'upstream model opened');
  else
    log.warn(
      { model: name, upstream: url, instrumented, reason: capability.reason },
      capability.kind === 'plain'
        ? 'nothing can be pruned: answers are those of the plain model'
        : 'no threshold can be found: mode fixed prunes at one that is given, and answers are compared',
    );
  const metadata = { ...model.metadata, name, versions: [version] };
  const outputs = metadata.outputs.map((output) => output.name);
  return {
    config,
    metadata,
    configuration: { ...configurationOf(metadata, model, config, false), backend: 'upstream', fileName: '' },
    runtime,
    kernels: 'none',
    upstream: {
      url,
      instrumented,
      capability,
      get isReady() {
        return runtime.isReady;
      },
      get doubt() {
        const { standing } = runtime;
        return standing.kind === 'trusted' ? undefined : standing.reason;
      },
    },
    timing: (loop: ConstructorParameters<typeof UpstreamTiming>[0]['loop']) =>
      sites.length === 0 || limits.gates !== 'auto'
        ? undefined
        : new UpstreamTiming({ name, runtime, loop, outputs, sites: sites.length, log }),
  };
}

/** The description in a file: of JSON, or of an instrumented model. @throws ServingError FILE_NOT_FOUND, MODEL_INVALID */
async function descriptionFrom(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new ServingError('FILE_NOT_FOUND', `description '${file}' cannot be read: ${messageOf(error)}`);
  });
  if (!/\.onnx$/i.test(file)) return bytes.toString();
  const text = descriptionIn(decodeModel(bytes));
  if (text === undefined)
    throw new ServingError('MODEL_INVALID', `'${file}' was not written by taustat instrument --target v2`);
  return text;
}
