import { Command, InvalidArgumentError } from 'commander';
import type { Logger } from 'pino';
import { assemble } from '../compose.ts';
import type { Config } from '../config/schema.ts';
import { processesOf } from '../models/open-model.ts';
import { endsWithin } from '../store/time-limit.ts';
import type { Taustat, UnopenedTaustat } from '../taustat.ts';
import { createLog } from '../telemetry/log.ts';
import { type Export, exportTelemetry } from '../telemetry/otlp/otlp.ts';
import { Processes } from '../tools/processes/primary.ts';
import { ProcessOfSeveral, servingWords } from '../tools/processes/worker.ts';
import type { GrpcListening } from '../transport/grpc/server.ts';
import { listen } from '../transport/http/server.ts';
import { banner } from './banner.ts';
import { addServingOptions, countOption, type ServingFlags, servingConfig } from './options.ts';

/** Time for load balancers to see that the server is not ready any more, before it stops listening. */
const READINESS_NOTICE_MS = 250;
/** Processes that share a port stop at the same time, give or take so long. */
const APART_MS = 100;
/** After the time for requests, so long is left to what has no client any more. */
const CLOSE_MS = 10_000;
/** What is left when everything has stopped, such as a write to a folder that hangs, has so long to end. */
const LEFTOVERS_MS = 1000;
/** A collector has so long to take what is left of the telemetry. */
const LAST_TELEMETRY_MS = 2000;
/** The log is written behind the program’s back, which a signal would overtake. */
const LAST_WORDS_MS = 250;

export function serveCommand(): Command {
  const command = new Command('serve')
    .description(
      'Serve an ONNX model over the Open Inference Protocol v2, pruned as far as its answers stay good.',
    )
    .argument('[model]', 'ONNX file (default: the bundled Fashion-MNIST CNN)');
  return addServingOptions(command)
    .option(
      '--processes <count>',
      'processes that serve on the same ports, with one controller for all: a number, or auto (default 1)',
      processesOption,
    )
    .option('--model-repository <folder>', 'folder of models to serve, laid out as name/version/model.onnx')
    .option('--upstream <url>', 'server that runs the model instead: http://host:port or grpc://host:port')
    .option('--model <name>', 'with --upstream: its name there')
    .option(
      '--instrumented <name>',
      'with --upstream: name there of the model that taustat instrument --target v2 has written',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ taustat serve                                   the bundled model on http://127.0.0.1:8080
  $ taustat serve model.onnx --name resnet --port 9000
  $ taustat serve model.onnx --mode observe         measure on shadow traffic, apply nothing
  $ taustat serve --model-repository models         every model in models/, each pruned by itself
  $ taustat serve --upstream grpc://triton:8001 --model resnet --instrumented resnet_taustat
  $ taustat serve model.onnx --processes auto       several processes, one port, one controller
  $ taustat serve model.onnx --store redis://redis:6379   learns together with the other replicas
  $ taustat serve model.onnx --agreement 0.99 --sampling 0.1
  $ TAUSTAT_WINDOW_SLICES=32 taustat serve model.onnx --config taustat.yaml
  $ curl -X PUT localhost:8080/v2/models/resnet/pruning -d '{"mode":"off"}'`,
    )
    .action(async (model: string | undefined, flags: ServingFlags) => serve(model, flags));
}

async function serve(path: string | undefined, flags: ServingFlags): Promise<void> {
  const config = servingConfig(path, flags);
  let telemetry: Export | undefined;
  const log = createLog(config, undefined, undefined, (line) => telemetry?.line(line));
  const { mode, threshold } = config.control;
  if (threshold !== undefined && mode !== 'fixed')
    log.warn({ mode, threshold }, 'control.threshold has no effect: only mode fixed uses it');
  const processes = processesOf(config);
  const among = ProcessOfSeveral.join();
  telemetry = await exportTelemetry(process.env, log);
  if (among === undefined && processes > 1) {
    process.exitCode = await new Processes(log).run(processes);
    // What is left of the export would keep the process.
    if (!(await stopped(telemetry, log))) process.exit();
    return;
  }
  const taustat = assemble(keepingState(config), log, among?.siblings);
  among?.offer(taustat.here);
  telemetry?.metrics(taustat.here.collect);
  // Connections are dealt out to all that listen: one more process takes some when it can answer them.
  if (among?.othersServe) await opened(taustat);
  const { answerDirectly, onConnectionRefused } = taustat;
  const server = await listen(taustat.routes, { ...config.server, answerDirectly, onConnectionRefused });
  const grpc = await grpcOf(taustat, config).catch(async (error: unknown) => {
    await server.stop(0);
    throw error;
  });
  if (!among?.othersServe) {
    log.info(
      { port: server.port, grpcPort: grpc?.port },
      'listening, not ready: the models are being loaded',
    );
    await opened(taustat, () => Promise.all([server.stop(0), grpc?.stop(0)]));
  }
  const { model } = taustat;
  const places = { url: server.url, console: `${server.url}/`, grpc: grpc?.address };
  const models = taustat.models();
  const missing = config.upstream.models.map(({ name }) => name).filter((name) => !models.includes(name));
  if (missing.length > 0)
    log.warn(
      { models: missing, upstream: config.upstream.url },
      'not ready: the upstream server is asked again and again',
    );
  const served = { model, models, modes: taustat.modes() };
  const isServing = models.length > 0 || missing.length === 0;
  if (among === undefined) log.info({ ...places, ...served }, servingWords(isServing));
  else among.serves({ url: server.url, grpc: grpc?.address, ...served, isServing });
  if (among === undefined && process.stderr.isTTY === true && config.telemetry.logFormat !== 'json')
    process.stderr.write(banner({ url: server.url, grpc: grpc?.address, modes: served.modes }));

  const signal = await new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
    void among?.drained.then(() => resolve('SIGTERM'));
  });
  log.info({ signal }, 'draining: readiness is off, running requests finish');
  taustat.drain();
  server.drain();
  await new Promise((resolve) => setTimeout(resolve, READINESS_NOTICE_MS));
  const graceMs = config.server.drainSeconds * 1000;
  await Promise.all([server.stop(graceMs, among === undefined ? 0 : APART_MS), grpc?.stop(graceMs)]);
  if (await endsWithin(CLOSE_MS, taustat.close())) log.info('stopped');
  else {
    process.exitCode = 1;
    log.error({ waitingFor: process.getActiveResourcesInfo() }, 'stopped, although something has not ended');
  }
  const isExportOver = await stopped(telemetry, log);
  among?.leave();
  endSoon(signal, log, isExportOver);
}

/** Ends the export of telemetry. @returns whether it has ended. */
async function stopped(telemetry: Export | undefined, log: Logger): Promise<boolean> {
  const isOver = telemetry === undefined || (await endsWithin(LAST_TELEMETRY_MS, telemetry.stop()));
  if (!isOver)
    log.warn(`telemetry was lost: the collector has not taken the rest within ${LAST_TELEMETRY_MS} ms`);
  return isOver;
}

/** Opens the models. @param stop - called when they cannot be opened. */
async function opened(
  taustat: UnopenedTaustat,
  stop: () => Promise<unknown> = async () => {},
): Promise<void> {
  await taustat.open(true).catch(async (error: unknown) => {
    await stop();
    await taustat.close();
    throw error;
  });
}

function processesOption(text: string): number | 'auto' {
  if (text === 'auto') return text;
  try {
    return countOption(text);
  } catch {
    throw new InvalidArgumentError('expected a number of at least 1, or auto.');
  }
}

/** Calls that run in threads, which `process.exit` waits for. */
const IN_THREADS = /^(FSReq|GetAddrInfo|GetNameInfo|Worker|MessagePort)/;

/**
 * The process ends by itself, unless a call into the file system hangs. `process.exit` would then wait for it as well, since
 * it joins the threads that make such calls; the signal, which nobody listens to any more, ends them. An export of telemetry
 * holds only sockets and timers: where nothing else is left, the process exits with its code.
 */
function endSoon(signal: NodeJS.Signals, log: Logger, isExportOver: boolean): void {
  const end = () => {
    const waitingFor = process.getActiveResourcesInfo();
    if (!isExportOver && !waitingFor.some((name) => IN_THREADS.test(name))) process.exit();
    log.warn({ waitingFor }, `something hangs: ended by ${signal}`);
    setTimeout(() => process.kill(process.pid, signal), LAST_WORDS_MS);
  };
  setTimeout(end, LEFTOVERS_MS).unref();
}

/** A server keeps its state unless it was told not to. */
function keepingState(config: Config): Config {
  return { ...config, store: { ...config.store, enabled: config.store.enabled ?? true } };
}

async function grpcOf(taustat: Taustat, { server }: Config): Promise<GrpcListening | undefined> {
  return server.grpcPort === undefined ? undefined : taustat.listenGrpc();
}
