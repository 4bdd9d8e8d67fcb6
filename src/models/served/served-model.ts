import type { Logger } from 'pino';
import type { Subscription } from 'rxjs';
import { pairwise } from 'rxjs';
import { BUNDLED_NAME } from '../../config/bundled-model.ts';
import { messageOf } from '../../config/errors.ts';
import type { Mode } from '../../config/modes.ts';
import type { Config } from '../../config/schema.ts';
import { type AgreementOptions, comparedBy } from '../../loop/comparison/agreement.ts';
import { leadOf } from '../../loop/comparison/lead.ts';
import { ShadowSampling } from '../../loop/shadow-sampling.ts';
import { Thermostat } from '../../loop/thermostat.ts';
import type { InferContext, ModelStatistics } from '../../plane/inference.ts';
import type { InferRequest, InferResponse, ModelMetadata } from '../../protocol/types.ts';
import type { LoadedModel } from '../../runtime/local/load-model.ts';
import type { WorkerSetup } from '../../runtime/local/messages.ts';
import { WorkerRuntime, type WorkerRuntimeOptions } from '../../runtime/local/worker-runtime.ts';
import type { RunResult, Runtime } from '../../runtime/runtime.ts';
import type { Choice, Durability } from '../../store/choice.ts';
import type { Keeper } from '../../store/keeper.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { endInferSpan, startInferSpan } from '../../telemetry/tracing.ts';
import { batchingFor } from './batching.ts';
import { type Beginning, beginningOf } from './beginning.ts';
import { ClientRun } from './client-run.ts';
import { deadlineOf } from './deadline.ts';
import { countChange, exportModelMetrics } from './model-metrics.ts';
import { type Answered, RequestCounter } from './request-counter.ts';

const NOT_KEPT: Durability = { durable: false, reason: 'this server keeps no state (store.enabled)' };
/** A ramp uses two thresholds; the rest are what was in use before. */
const MAX_PER_SITES = 8;

export type StartRuntime = (setup: WorkerSetup, options: WorkerRuntimeOptions) => Promise<Runtime>;

/** A model that is being served: its workers, its thermostat, and the way of a request through both. */
export class ServedModel {
  readonly metadata: ModelMetadata;
  readonly loaded: LoadedModel;
  readonly thermostat: Thermostat;
  readonly runtime: Runtime;
  readonly #config: Config;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #shadows: ShadowSampling;
  readonly #counter: RequestCounter;
  readonly #outputs: readonly string[];
  /** How answers are judged, by the output that they are compared by, whichever a client asks for. */
  readonly #judged: AgreementOptions;
  readonly #subscription: Subscription;
  readonly #keeper: Keeper | undefined;
  #choice: Choice | null;
  /** The thresholds in use, spread over the sites. */
  readonly #perSites = new Map<number, Float32Array>();

  private constructor(
    metadata: ModelMetadata,
    loaded: LoadedModel,
    runtime: Runtime,
    config: Config,
    metrics: Metrics,
    log: Logger,
    { keeper, memory, choice }: Beginning,
  ) {
    this.metadata = metadata;
    this.loaded = loaded;
    this.runtime = runtime;
    this.#config = config;
    this.#metrics = metrics;
    this.#log = log;
    this.#outputs = metadata.outputs.map((output) => output.name);
    this.#judged = { ...config.agreement, output: comparedBy(metadata.outputs, config.agreement) };
    this.#keeper = keeper;
    this.#choice = choice;
    this.thermostat = new Thermostat({
      sites: loaded.sites.length,
      config,
      memory,
      onTimed: (step, ms) => metrics.estimatorDuration.observe({ step }, ms / 1000),
      onStep: (event, state) => keeper?.onStep(event, state),
    });
    this.#counter = new RequestCounter(metadata.name, metrics, (answered, now) =>
      this.#answered(answered, now),
    );
    this.#shadows = new ShadowSampling({
      model: metadata.name,
      sites: loaded.sites.length,
      outputs: this.#outputs,
      config,
      runtime,
      thermostat: this.thermostat,
      metrics,
      log,
    });
    keeper?.follow(() => this.thermostat.memory);
    runtime.prepare(this.applied);
    this.#subscription = this.#followState();
  }

  /**
   * Starts what runs a model that was read.
   *
   * @param startRuntime - worker threads in this process, unless something else is to run it.
   * @param inherited - what an operator chose for the model that this one takes the place of.
   * @throws ServingError MODEL_INVALID
   */
  static async start(
    loaded: LoadedModel,
    config: Config,
    metrics: Metrics,
    log: Logger,
    startRuntime: StartRuntime = WorkerRuntime.start,
    inherited: Choice | null = null,
  ): Promise<ServedModel> {
    const name = config.model.name ?? (config.model.path === undefined ? BUNDLED_NAME : loaded.stem);
    const metadata: ModelMetadata = {
      name,
      versions: [config.model.version],
      platform: 'onnxruntime_onnx',
      ...loaded.signature,
    };
    const { workers = 1, maxShadowQueue, intraOpThreads } = config.runtime;
    const { limits, around } = batchingFor(loaded, name, config, metrics, log);
    const runtime = await startRuntime(
      { ...loaded.setup, intraOpThreads },
      {
        workers,
        ...limits,
        maxShadowQueue,
        sites: config.runtime.gates === 'baked' ? config.sites : undefined,
        onWorkerLost: (error) => {
          metrics.workersLost.inc({ model: name });
          log.error({ model: name, error: error.message }, 'worker lost');
        },
      },
    );
    const beginning = await beginningOf(name, loaded, config, { metrics, log, inherited });
    return new ServedModel(metadata, loaded, around(runtime), config, metrics, log, beginning);
  }

  get name(): string {
    return this.metadata.name;
  }

  get statistics(): ModelStatistics {
    return this.#counter.read(this.metadata.versions[0]!);
  }

  /** What became of the requests that were sampled, since the start. */
  get shadowOutcomes() {
    return this.#shadows.outcomes;
  }

  /** How answers are compared. */
  get objective(): string {
    return this.#config.agreement.measure;
  }

  /** Whether a threshold can have an effect. */
  get isPrunable(): boolean {
    return this.loaded.sites.length > 0;
  }

  /** The threshold that production runs at; 0 is dense. */
  get applied(): number {
    return this.isPrunable ? this.thermostat.applied : 0;
  }

  /** Whether a request would be let in now: asked before its body is read. @throws ServingError OVERLOADED */
  admit(): void {
    try {
      this.runtime.checkRoom?.();
    } catch (error) {
      this.#counter.failed(error, 0);
      throw error;
    }
  }

  /** @throws ServingError OVERLOADED, UNAVAILABLE, WORKER_LOST, DEADLINE_EXCEEDED, INVALID_REQUEST, INFERENCE_FAILED */
  async infer(request: InferRequest, context: InferContext): Promise<InferResponse> {
    const started = performance.now();
    const span = startInferSpan(this.name, context);
    const isDense = request.parameters.pruning === 'off';
    const position = this.#shadows.position(request.id);
    const threshold = isDense || !this.isPrunable ? 0 : this.thermostat.thresholdAt(position);
    // A request without a row shows no activation.
    const look = request.inputs[0]?.shape[0] === 0 ? undefined : this.#shadows.chosen(position);
    const asked = request.outputs?.length ? request.outputs.map((output) => output.name) : this.#outputs;
    try {
      const result = await deadlineOf(request, context, (client) =>
        this.runtime.run(
          new ClientRun(request.inputs, asked, threshold === 0 ? undefined : this.#perSite(threshold), {
            keepInputs: look !== undefined || context.keepInputs === true,
            client,
          }),
        ),
      );
      const rows = request.inputs[0]?.shape[0] ?? 1;
      this.#counter.answered({ rows, threshold, result, totalMs: performance.now() - started });
      endInferSpan(span, { threshold });
      if (look !== undefined) {
        const answer = wholeAnswer(result, asked, this.#outputs);
        this.#shadows.sample({ ...look, inputs: request.inputs, threshold, ...answer });
      }
      return {
        modelName: this.name,
        modelVersion: this.metadata.versions[0]!,
        ...(request.id === undefined ? {} : { id: request.id }),
        parameters: { threshold },
        outputs: result.outputs,
      };
    } catch (error) {
      this.#counter.failed(error, performance.now() - started);
      endInferSpan(span, { error: messageOf(error) });
      throw error;
    }
  }

  /** What an operator has chosen for it; null: nothing. */
  get choice(): Choice | null {
    const isRevoked = this.thermostat.state.fixed?.doubt === 'disagreement';
    return this.#choice && isRevoked ? { ...this.#choice, isRevoked } : this.#choice;
  }

  /** Whether that outlives a restart; null where nothing was chosen. */
  get durability(): Durability | null {
    if (this.#choice === null) return null;
    return this.#keeper === undefined ? NOT_KEPT : this.#keeper.durability;
  }

  /** In force at once; resolves when it outlives a restart, or cannot be made to. */
  async choose(mode: Mode, threshold: number | undefined): Promise<Durability> {
    const at = Math.max(Date.now(), (this.#choice?.at ?? 0) + 1);
    this.thermostat.setMode(mode, threshold, at);
    this.#choice = {
      mode,
      threshold: threshold ?? null,
      isRevoked: false,
      model: this.loaded.hash,
      version: this.metadata.versions[0]!,
      at,
    };
    return this.#keeper?.choose(this.#choice) ?? NOT_KEPT;
  }

  /** Brings the metrics that are read rather than counted up to date. */
  exportMetrics(): void {
    this.#counter.settle();
    exportModelMetrics(this.#metrics, this);
  }

  /** Resolves when the present state would survive a restart, where anything is kept. */
  async kept(): Promise<void> {
    await this.#keeper?.flush();
  }

  /** Finishes what was accepted. Nothing is kept from now on: what takes this model's place may keep its own already. */
  async close(): Promise<void> {
    const finished = this.runtime.close();
    this.#subscription.unsubscribe();
    this.thermostat.close();
    await this.#keeper?.close();
    await finished;
  }

  /** Nobody waits for this, and nothing catches what it throws. */
  #answered({ threshold, result }: Answered, nowMs: number): void {
    if (!this.isPrunable) return;
    try {
      const lead = threshold === 0 ? null : leadOf(result.outputs, this.#judged);
      this.thermostat.answered(threshold, lead, nowMs);
    } catch (error) {
      this.thermostat.fail(messageOf(error));
    }
  }

  #perSite(threshold: number): Float32Array {
    const known = this.#perSites.get(threshold);
    if (known !== undefined) return known;
    if (this.#perSites.size >= MAX_PER_SITES) this.#perSites.clear();
    const perSite = new Float32Array(this.loaded.sites.length).fill(threshold);
    this.#perSites.set(threshold, perSite);
    return perSite;
  }

  /** One log line and one metric update per change of state. */
  #followState(): Subscription {
    return this.thermostat.state$.pipe(pairwise()).subscribe(([before, after]) => {
      if (before.change === after.change) return;
      countChange(this.#metrics, this, before);
      const { reason, detail } = after.change;
      const threshold = this.applied;
      this.runtime.prepare(threshold);
      this.#log.info(
        { model: this.name, mode: after.mode, phase: after.phase.kind, threshold, reason },
        detail,
      );
    });
  }
}

/** The answer as served, when it holds every output. */
function wholeAnswer(result: RunResult, asked: readonly string[], all: readonly string[]) {
  return all.every((name) => asked.includes(name)) ? { outputs: result.outputs } : {};
}
