/** The worker thread: one model, one run at a time. It knows nothing of requests, states or policies. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../config/errors.ts';
import { instrument } from '../../onnx/instrument.ts';
import { decodeModel } from '../../onnx/model-file.ts';
import { HISTOGRAMS_OUTPUT } from '../../onnx/names.ts';
import { observed } from '../../onnx/sparse/observed.ts';
import { isFiniteTensor } from '../finite-tensor.ts';
import { measuredTaps } from '../measured-taps.ts';
import type { FromWorker, RunDone, RunMessage, ToWorker, WorkerData } from './messages.ts';
import { histogramsOf } from './native/histogram-output.ts';
import { NativeSession, RunStopped } from './native-session.ts';
import { openSession } from './open-session.ts';
import { OverridingSessions } from './overriding-sessions.ts';
import { type Session, thresholdInput } from './session.ts';

const port = parentPort;
if (port === null) throw new Error('worker.js runs only as a worker thread');
const { setup, answers } = workerData as WorkerData;
const overriding = new OverridingSessions(setup);

interface Sessions {
  readonly plain: Session;
  readonly gated: Session | undefined;
  /** Gated, with the present threshold as a constant. */
  readonly baked: Session | undefined;
  /** The plain model, with operators that make histograms of its sites. */
  readonly observed: Session | undefined;
  /** Skips what the gates set to zero; answers as `gated` does, up to rounding. Dropped once it failed where `gated` did not. */
  sparse: NativeSession | undefined;
}

async function open(): Promise<Sessions> {
  const { plain, gated, sparse, kernels } = setup;
  return {
    plain: await openSession(plain, setup),
    gated: gated === undefined ? undefined : await openSession(gated, setup),
    baked: await openBaked(),
    observed: openObserved(),
    sparse:
      sparse === undefined || kernels === undefined
        ? undefined
        : NativeSession.open(sparse, { ...setup, kernels }),
  };
}

/** Undefined if it cannot be opened: then the taps are read instead, which costs more. */
function openObserved(): Session | undefined {
  const { kernels, gated, observable } = setup;
  if (kernels === undefined || gated === undefined || observable === undefined) return undefined;
  try {
    return NativeSession.open(observed(decodeModel(setup.plain.slice()), observable), { ...setup, kernels });
  } catch {
    return undefined;
  }
}

/** Gates with a constant threshold keep the blocked layout of convolutions; gates with an input do not. */
async function openBaked(): Promise<Session | undefined> {
  if (setup.baked === undefined || setup.gated === undefined) return undefined;
  const { threshold, sites } = setup.baked;
  const thresholds = new Array<number>(setup.taps.length).fill(threshold);
  const { bytes } = instrument(setup.plain.slice(), {
    ...sites,
    gate: { kind: 'baked', thresholds },
    taps: false,
  });
  return openSession(bytes, setup);
}

/** Thresholds travel as float32, and are compared as such. */
function isBakedIn(message: RunMessage): boolean {
  if (setup.baked === undefined || message.measure !== 'nothing') return false;
  const baked = Math.fround(setup.baked.threshold);
  return message.thresholds!.every((t) => t === baked);
}

async function run(sessions: Sessions, message: RunMessage, idleMs: number): Promise<RunDone> {
  const { thresholds, measure } = message;
  if (measure === 'histogram' && sessions.observed !== undefined && thresholds?.every((t) => t === 0))
    return observe(sessions.observed, message, idleMs);
  const isGated = thresholds !== undefined && sessions.gated !== undefined;
  const baked = isGated && isBakedIn(message) ? sessions.baked : undefined;
  const sparse = isGated && measure === 'nothing' ? sessions.sparse : undefined;
  const session =
    sparse ?? baked ?? (isGated ? sessions.gated! : await overriding.for(message.inputs, sessions.plain));
  const taps = isGated && measure !== 'nothing' ? setup.taps : [];
  const inputs =
    isGated && baked === undefined ? [...message.inputs, thresholdInput(thresholds)] : message.inputs;
  const started = performance.now();
  const results = await session.run(inputs, [...message.outputs, ...taps]).catch(async (error: unknown) => {
    if (sparse === undefined || error instanceof RunStopped) throw error;
    const answers = await sessions.gated!.run(inputs, message.outputs);
    sessions.sparse = undefined;
    return answers;
  });
  const outputs = results.slice(0, message.outputs.length);
  if (isGated && !message.isShadow && !outputs.every(isFiniteTensor))
    return dense(sessions, message, started, idleMs);
  const inferred = performance.now();
  return {
    kind: 'done',
    id: message.id,
    outputs,
    ...measuredTaps(results.slice(message.outputs.length), message),
    ...(sparse === undefined ? {} : { macsSkipped: sparse.takeMacsSkipped() }),
    inferMs: inferred - started,
    measureMs: performance.now() - inferred,
    idleMs,
  };
}

/** A dense run with histograms. */
async function observe(
  session: Session,
  { id, inputs, outputs }: RunMessage,
  idleMs: number,
): Promise<RunDone> {
  const started = performance.now();
  const results = await session.run(inputs, [...outputs, HISTOGRAMS_OUTPUT]);
  const inferred = performance.now();
  const histograms = histogramsOf(results[outputs.length]!.elements as Float64Array);
  return {
    kind: 'done',
    id,
    outputs: results.slice(0, outputs.length),
    histograms,
    retained: [],
    inferMs: inferred - started,
    measureMs: performance.now() - inferred,
    idleMs,
  };
}

/** The dense answer that replaces a pruned one that is not finite. */
async function dense(
  sessions: Sessions,
  message: RunMessage,
  started: number,
  idleMs: number,
): Promise<RunDone> {
  const done = await run(sessions, { ...message, thresholds: undefined }, idleMs);
  const inferMs = performance.now() - started;
  return { ...done, inferMs, denseInstead: { isFinite: done.outputs.every(isFiniteTensor) } };
}

function transferables(done: RunDone): ArrayBuffer[] {
  const buffers = done.histograms.flatMap(({ counts, residuals }) => [counts.buffer, residuals.buffer]);
  return [...new Set(buffers)] as ArrayBuffer[];
}

function post(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  answers.postMessage(message, transfer);
}

/** Answers the messages one after the other, in order. */
function serve(port: MessagePort, sessions: Sessions): void {
  let last = Promise.resolve();
  let endedAt = performance.now();
  async function answer(message: RunMessage): Promise<void> {
    try {
      const done = await run(sessions, message, performance.now() - endedAt);
      post(done, transferables(done));
    } catch (error) {
      const isStopped = error instanceof RunStopped;
      post({ kind: 'failed', id: message.id, message: messageOf(error), isStopped });
    }
    endedAt = performance.now();
  }
  port.on('message', (message: ToWorker) => {
    last = message.kind === 'stop' ? last.then(() => port.close()) : last.then(() => answer(message));
  });
}

open().then(
  (sessions) => {
    serve(port, sessions);
    const stoppable = Object.values(sessions).flatMap((session: Session | undefined) =>
      session instanceof NativeSession ? [session.id] : [],
    );
    post({ kind: 'ready', stoppable });
  },
  (error: unknown) => post({ kind: 'unusable', message: messageOf(error) }),
);
