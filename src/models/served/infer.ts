import type { InferContext, RequestTrace } from '../../plane/inference.ts';
import { sequenceOf, wantsDense } from '../../protocol/parameters.ts';
import type { InferRequest, InferResponse, TensorSpec } from '../../protocol/types.ts';
import type { RunResult } from '../../runtime/runtime.ts';
import { startLinked } from '../../telemetry/tracing.ts';
import { withClasses } from './classes.ts';
import { ClientRun } from './client-run.ts';
import { withinDeadline } from './deadline.ts';
import type { ServedModel } from './served-model.ts';

/**
 * Answers one request: the loop chooses its threshold, the runtime runs it, the counter counts it. If the loop sampled it,
 * it is handed to the shadow runs afterwards.
 *
 * @throws ServingError OVERLOADED, UNAVAILABLE, WORKER_LOST, DEADLINE_EXCEEDED, INVALID_REQUEST, INFERENCE_FAILED
 */
export async function infer(
  model: ServedModel,
  request: InferRequest,
  context: InferContext,
): Promise<InferResponse> {
  const { loop, runtime, counter, outputs } = model;
  const isOverriding = overrides(model, request);
  const startedAt = performance.now();
  const rows = rowsOf(model, request);
  const sequence = sequenceOf(request.parameters) ?? streamIn(context, model.sequenceHeader);
  const { threshold: placed, look } = loop.place(request.id, {
    isDense: isOverriding || wantsDense(request.parameters),
    isEmpty: rows === 0 || isOverriding,
    pays: model.savesTime(rows),
    sequence,
  });
  const asked = request.outputs?.length ? request.outputs.map(({ name }) => name) : outputs;
  try {
    const result = await withinDeadline(request, context, (client) =>
      runtime.run(
        new ClientRun(request.inputs, asked, placed === 0 ? undefined : loop.thresholdsAt(placed), {
          isAlone: isOverriding,
          keepInputs: look !== undefined || context.keepInputs === true,
          client,
          parameters: request.parameters,
          header: context.header,
        }),
      ),
    );
    const threshold = result.denseInstead === undefined ? placed : 0;
    if (result.denseInstead !== undefined) model.countDenseInstead(placed, result.denseInstead);
    counter.answered({
      rows,
      threshold,
      result,
      totalMs: performance.now() - startedAt,
      isOfSeries: sequence === undefined && !isOverriding && outputs.every((name) => asked.includes(name)),
      traceId: traceOf(context),
    });
    if (context.trace?.isRecording) traceRun(context.trace, model, { startedAt, result, threshold, rows });
    if (look !== undefined) {
      const answer = wholeAnswer(result, asked, outputs);
      if (look.isOnlyKept !== true) model.sparse?.addSample(request.inputs, rows);
      const end = shadowSpan(model, look.isOnlyKept === true ? undefined : context.trace);
      void loop
        .sample({ ...look, inputs: request.inputs, origin: context.trace?.origin, threshold, ...answer })
        .then(end);
    }
    return {
      modelName: model.name,
      modelVersion: model.version,
      ...(request.id === undefined ? {} : { id: request.id }),
      parameters: { threshold },
      outputs: withClasses(result.outputs, request.outputs, model.classes),
    };
  } catch (error) {
    counter.failed(error, performance.now() - startedAt);
    throw error;
  }
}

/** Parts of the request's span. What the run took beside waiting and running, on its way to a worker and back, lies around them. */
function traceRun(
  trace: RequestTrace,
  { name, version }: ServedModel,
  run: { startedAt: number; result: RunResult; threshold: number; rows: number },
): void {
  const { queueMs, inferMs, requests = 1 } = run.result;
  const { startedAt, threshold, rows } = run;
  const aroundMs = Math.max(0, performance.now() - startedAt - queueMs - inferMs);
  const queuedUntil = startedAt + queueMs;
  const inferAt = queuedUntil + aroundMs / 2;
  trace.part('taustat.queue', startedAt, queuedUntil);
  trace.part('taustat.infer', inferAt, inferAt + inferMs);
  trace.set({
    'taustat.model': name,
    'taustat.version': version,
    'taustat.threshold': threshold,
    'taustat.rows': rows,
    'taustat.requests_in_run': requests,
  });
}

function traceOf({ trace }: InferContext): string | undefined {
  return trace?.isRecording ? trace.origin.traceId : undefined;
}

const nothing = (): void => {};

/** @returns what ends the span of a shadow run. */
function shadowSpan({ name }: ServedModel, trace: RequestTrace | undefined): () => void {
  return trace?.isRecording
    ? startLinked('taustat.shadow', trace.origin, { 'taustat.model': name })
    : nothing;
}

/** Name of the stream that a request is of, by a header. */
function streamIn({ header }: InferContext, name: string | undefined): string | undefined {
  return name === undefined ? undefined : header?.(name) || undefined;
}

/** Whether a request replaces default values of the model. Then it runs another model in effect, and is neither pruned nor sampled. */
function overrides({ metadata }: ServedModel, { inputs }: InferRequest): boolean {
  const { optionalInputs } = metadata;
  return optionalInputs !== undefined && inputs.some(({ name }) => isAmong(optionalInputs, name));
}

/** Rows of the first required input. */
function rowsOf({ metadata }: ServedModel, { inputs }: InferRequest): number {
  const { optionalInputs = [] } = metadata;
  return inputs.find(({ name }) => !isAmong(optionalInputs, name))?.shape[0] ?? 1;
}

function isAmong(specs: readonly TensorSpec[], name: string): boolean {
  return specs.some((spec) => spec.name === name);
}

/** The answer's outputs, if they are all of the model's outputs. */
function wholeAnswer(result: RunResult, asked: readonly string[], all: readonly string[]) {
  return all.every((name) => asked.includes(name)) ? { outputs: result.outputs } : {};
}
