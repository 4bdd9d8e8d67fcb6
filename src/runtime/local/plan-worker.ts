/** The thread that times sparse forms of one model against the plain one. It answers every message, in order. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../config/errors.ts';
import { indexGraph } from '../../onnx/graph.ts';
import { decodeModel } from '../../onnx/model-file.ts';
import { findSites } from '../../onnx/sites.ts';
import { linearOperators } from '../../onnx/sparse/operators.ts';
import { type SparseModel, sparsify } from '../../onnx/sparse/sparsify.ts';
import type { Tensor } from '../../protocol/types.ts';
import { NativeSession } from './native-session.ts';
import { openSession } from './open-session.ts';
import type { FromPlanner, PlanSetup, ToPlanner } from './plan-messages.ts';
import { type Session, thresholdInput } from './session.ts';

const port = parentPort;
if (port === null) throw new Error('plan-worker.js runs only as a worker thread');
const setup = workerData as PlanSetup;

/** Most open sessions besides the plain one. */
const MAX_OPEN = 2;
/** Least milliseconds of an arm of a round, so that clock resolution and interrupts matter little. */
const ARM_MS = 2;
const MAX_REPEATS = 64;

const model = decodeModel(setup.plain.slice());
const { sites } = findSites(model, setup.sites);
const operators = linearOperators(model, indexGraph(model), sites);
const opened = new Map<string, NativeSession>();

function rewritten(set: readonly number[]): SparseModel {
  return sparsify(
    model,
    sites,
    set.map((i) => operators.sparse[i]!),
    setup.gated,
  );
}

async function sessionOf(set: readonly number[]): Promise<Session> {
  const key = set.join();
  const known = opened.get(key);
  if (known !== undefined) return known;
  for (const [oldest, old] of opened) {
    if (opened.size < MAX_OPEN) break;
    opened.delete(oldest);
    await old.release();
  }
  const session = NativeSession.open(rewritten(set).bytes, setup);
  opened.set(key, session);
  return session;
}

async function msOf(
  session: Session,
  inputs: readonly Tensor[],
  outputs: readonly string[],
  repeats: number,
) {
  const started = performance.now();
  for (let i = 0; i < repeats; i++) await session.run(inputs, outputs);
  return (performance.now() - started) / repeats;
}

async function round(plain: Session, message: Extract<ToPlanner, { kind: 'round' }>): Promise<FromPlanner> {
  const { set, inputs, outputs, thresholds } = message;
  const sparse = await sessionOf(set);
  const gated = [...inputs, thresholdInput(thresholds)];
  const first = await msOf(plain, inputs, outputs, 1);
  await msOf(sparse, gated, outputs, 1);
  const repeats = Math.min(MAX_REPEATS, Math.max(1, Math.ceil(ARM_MS / first)));
  const before = await msOf(plain, inputs, outputs, repeats);
  const one = await msOf(sparse, gated, outputs, repeats);
  const other = await msOf(sparse, gated, outputs, repeats);
  const after = await msOf(plain, inputs, outputs, repeats);
  return { kind: 'round', plainMs: (before + after) / 2, sparseMs: (one + other) / 2 };
}

function answerTo(plain: Session, message: Exclude<ToPlanner, { kind: 'stop' }>): Promise<FromPlanner> {
  if (message.kind === 'round') return round(plain, message);
  const { bytes, gatedBy } = rewritten(message.set);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  shared.set(bytes);
  return Promise.resolve({ kind: 'rewritten', model: shared, gatedBy });
}

const post = (message: FromPlanner): void => port.postMessage(message);

async function start(): Promise<void> {
  const plain = await openSession(setup.plain, setup);
  let last = Promise.resolve();
  port!.on('message', (message: ToPlanner) => {
    last = last.then(async () => {
      if (message.kind === 'stop') {
        port!.close();
        return;
      }
      try {
        post(await answerTo(plain, message));
      } catch (error) {
        post({ kind: 'failed', message: messageOf(error) });
      }
    });
  });
  post({
    kind: 'ready',
    layers: operators.sparse.map(({ kind, weight, hasZeros }) => ({ kind, weight, hasZeros })),
    reports: [...operators.sparse.map(({ name, op }) => ({ name, op })), ...operators.dense],
  });
}

start().catch((error: unknown) => post({ kind: 'failed', message: messageOf(error) }));
