import type { Logger } from 'pino';
import type { Subscription } from 'rxjs';
import { production } from '../../control/phases/production.ts';
import type { ControlLoop } from '../../loop/control-loop.ts';
import type { ModelStatistics } from '../../plane/inference.ts';
import type { ModelConfiguration } from '../../plane/model-configuration.ts';
import type { ModelMetadata } from '../../protocol/types.ts';
import type { DenseInstead, Runtime } from '../../runtime/runtime.ts';
import type { ServableModel } from '../../runtime/servable-model.ts';
import type { Capability } from '../../runtime/upstream/upstream-model.ts';
import { PLAIN, type Speedup } from '../../sparse/speedup.ts';
import type { Choice } from '../../store/choice.ts';
import type { ModelPersistence } from '../../store/model-persistence.ts';
import type { Metrics, OfModel } from '../../telemetry/metrics.ts';
import type { ChangeHistory } from './change-history.ts';
import type { Classes } from './classes.ts';
import { ModelChoice } from './model-choice.ts';
import { exportModelMetrics } from './model-metrics.ts';
import type { ModelSharing } from './model-sharing.ts';
import { RequestCounter } from './request-counter.ts';
import { SkippedWork } from './skipped-work.ts';
import { followSteps, historyOf } from './step-reactions.ts';
import type { TimedPruning } from './timed-pruning.ts';

/** A model that an upstream server runs, as the control API tells it. */
export interface UpstreamView {
  readonly url: string;
  readonly instrumented: string | undefined;
  readonly capability: Capability;
  /** Whether the server says that the model is ready. */
  readonly isReady: boolean;
  /** Why production is dense whatever the loop decides; undefined: it is not. */
  readonly doubt: string | undefined;
}

/** The parts of a served model. */
export interface ModelParts {
  readonly metadata: ModelMetadata;
  readonly configuration: ModelConfiguration;
  /** Names of classes, by their index; empty: none. */
  readonly labels: readonly string[];
  readonly loaded: ServableModel;
  readonly runtime: Runtime;
  readonly loop: ControlLoop;
  /** How answers are compared, as configured. */
  readonly measure: string;
  /** Header that names the stream of a request, in lower case; undefined: none does. */
  readonly sequenceHeader: string | undefined;
  /** Keeps state over restarts; undefined: none is kept. */
  readonly persistence: ModelPersistence | undefined;
  /** Prunes where that saves time; undefined: gates prune whatever the time, or no time can be saved. */
  readonly sparse: TimedPruning | undefined;
  /** Learns with other replicas; undefined: by itself. */
  readonly sharing: ModelSharing | undefined;
  /** The operator's choice; null: none. */
  readonly choice: Choice | null;
  /** Kernels that it runs with, or `none`. */
  readonly kernels: string;
  /** What an upstream server's model can be used for; undefined: it runs here. */
  readonly upstream: UpstreamView | undefined;
  /** Time that it took to open it, in seconds. */
  readonly loadSeconds: number;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** A model that is being served: its runtime, its control loop, and the operator's choice. See `infer` for a request. */
export class ServedModel {
  readonly metadata: ModelMetadata;
  readonly configuration: ModelConfiguration;
  readonly classes: Classes;
  readonly loaded: ServableModel;
  readonly runtime: Runtime;
  readonly loop: ControlLoop;
  readonly measure: string;
  readonly sequenceHeader: string | undefined;
  readonly kernels: string;
  readonly upstream: UpstreamView | undefined;
  readonly loadSeconds: number;
  readonly counter: RequestCounter;
  readonly history: ChangeHistory;
  readonly choice: ModelChoice;
  /** Names of all outputs. */
  readonly outputs: readonly string[];
  readonly sparse: TimedPruning | undefined;
  readonly sharing: ModelSharing | undefined;
  readonly skippedWork = new SkippedWork();
  readonly #metrics: Metrics;
  readonly #persistence: ModelPersistence | undefined;
  readonly #followers: Subscription;

  constructor(parts: ModelParts) {
    const { metadata, configuration, labels, loaded, runtime, loop, measure, persistence, sparse, choice } =
      parts;
    const { metrics, log } = parts;
    this.metadata = metadata;
    this.configuration = configuration;
    this.classes = { specs: metadata.outputs, labels };
    this.loaded = loaded;
    this.runtime = runtime;
    this.loop = loop;
    this.sparse = sparse;
    this.sharing = parts.sharing;
    this.measure = measure;
    this.kernels = parts.kernels;
    this.upstream = parts.upstream;
    this.loadSeconds = parts.loadSeconds;
    this.sequenceHeader = parts.sequenceHeader;
    this.outputs = metadata.outputs.map(({ name }) => name);
    this.counter = new RequestCounter(
      this.labels,
      metrics,
      ({ rows, threshold, result, isOfSeries }, nowMs) => {
        this.skippedWork.add(rows, threshold > 0 ? (result.macsSkipped ?? 0) : 0);
        loop.answered(threshold, result.outputs, nowMs, isOfSeries);
      },
    );
    this.#metrics = metrics;
    if (this.upstream !== undefined) metrics.prunedMissing.inc(this.labels, 0);
    this.#persistence = persistence;
    this.history = historyOf(loop, persistence);
    this.#followers = followSteps(this, persistence, metrics, log);
    const { hash } = loaded;
    const { version, sharing } = this;
    this.choice = new ModelChoice({ loop, hash, version, persistence, sharing, choice });
    this.choice.share();
  }

  get name(): string {
    return this.metadata.name;
  }

  get version(): string {
    return this.metadata.versions[0]!;
  }

  /** Labels of its metrics. */
  get labels(): OfModel {
    return { model: this.name, version: this.version };
  }

  get statistics(): ModelStatistics {
    return this.counter.statistics;
  }

  /** Checks, before a body is read, whether the request would be accepted now. @throws ServingError OVERLOADED */
  admit(): void {
    try {
      this.runtime.checkRoom?.();
    } catch (error) {
      this.counter.failed(error, 0);
      throw error;
    }
  }

  /** Time of the plain model ÷ time as served; null with gates, whose time is not measured. */
  get speedup(): Speedup | null {
    const { heldBack, mode } = this.loop.state;
    const { threshold, share, rest } = production(this.loop.state);
    if (threshold === 0 || mode === 'off' || heldBack !== undefined) return PLAIN;
    return this.sparse?.speedup(rest > 0 ? 1 : share) ?? null;
  }

  /** Whether pruning saves time for a request of `rows` rows; true with gates, which prune without regard to time. */
  savesTime(rows: number): boolean {
    return this.sparse?.savesTime(rows) ?? true;
  }

  /** Counts a pruned answer that was not finite, or missing, so that the dense one was sent instead. */
  countDenseInstead(threshold: number, dense: DenseInstead): void {
    if (dense.missing !== undefined) {
      this.#metrics.prunedMissing.inc(this.labels);
      return;
    }
    this.#metrics.nonFiniteAnswers.inc(this.labels);
    if (dense.isFinite) this.loop.lost(threshold);
  }

  /** Sets the gauges to their present values. */
  exportMetrics(): void {
    this.counter.countWaiting();
    exportModelMetrics(this.#metrics, this);
  }

  /** Resolves when the present state is written, if state is kept. */
  async saved(): Promise<void> {
    await this.#persistence?.flush();
  }

  /** Finishes accepted requests. Nothing is written afterwards: a replacement may write its own state already. */
  async close(): Promise<void> {
    const finished = this.runtime.close();
    await this.sharing?.close();
    this.#followers.unsubscribe();
    this.sparse?.close();
    this.loop.close();
    await this.#persistence?.close();
    await finished;
  }
}
