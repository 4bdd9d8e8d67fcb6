import type { SpanContext } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { distinctUntilChanged, filter, map, Subscription } from 'rxjs';
import { ServingError } from '../../config/errors.ts';
import type { Mode } from '../../config/modes.ts';
import { lastGoodOf } from '../../control/phases/last-good.ts';
import { exposureIn, production, stateName } from '../../control/phases/production.ts';
import type { ChangeReason, ControllerState } from '../../control/phases/state.ts';
import type { ControlLoop } from '../../loop/control-loop.ts';
import type { ModelStatistics } from '../../plane/inference.ts';
import type { ModelConfiguration } from '../../plane/model-configuration.ts';
import type { ModelMetadata } from '../../protocol/types.ts';
import type { DenseInstead, Runtime } from '../../runtime/runtime.ts';
import type { ServableModel } from '../../runtime/servable-model.ts';
import type { Capability } from '../../runtime/upstream/upstream-model.ts';
import { PLAIN, type Speedup } from '../../sparse/speedup.ts';
import type { Choice, Durability } from '../../store/choice.ts';
import type { ModelPersistence } from '../../store/model-persistence.ts';
import type { Metrics, OfModel } from '../../telemetry/metrics.ts';
import { addSpan, traceFields } from '../../telemetry/tracing.ts';
import { ChangeHistory } from './change-history.ts';
import type { Classes } from './classes.ts';
import { countChange, exportModelMetrics } from './model-metrics.ts';
import type { ModelSharing, Reach } from './model-sharing.ts';
import { RequestCounter } from './request-counter.ts';
import { SkippedWork } from './skipped-work.ts';
import type { TimedPruning } from './timed-pruning.ts';

/** Changes that somebody should look at: answers were not as proven, nobody can tell, or the traffic is another. */
const WARNED_OF: ReadonlySet<ChangeReason> = new Set(['disagreement', 'drift', 'failure', 'unverified']);

const NOT_DURABLE: Durability = { durable: false, reason: 'this server keeps no state (store.enabled)' };

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

/** A model that is being served: its runtime, its control loop, and the reactions to the loop's steps. See `infer` for a request. */
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
  /** Names of all outputs. */
  readonly outputs: readonly string[];
  readonly sparse: TimedPruning | undefined;
  readonly sharing: ModelSharing | undefined;
  readonly skippedWork = new SkippedWork();
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #persistence: ModelPersistence | undefined;
  readonly #followers = new Subscription();
  #choice: Choice | null;

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
    this.counter = new RequestCounter(this.labels, metrics, ({ rows, threshold, result }, nowMs) => {
      this.skippedWork.add(rows, threshold > 0 ? (result.macsSkipped ?? 0) : 0);
      loop.answered(threshold, result.outputs, nowMs);
    });
    this.#metrics = metrics;
    if (this.upstream !== undefined) metrics.prunedMissing.inc(this.labels, 0);
    this.#log = log;
    this.#persistence = persistence;
    this.#choice = choice;
    this.history = new ChangeHistory(
      persistence?.decisions.map(({ state, production, change }) => ({
        ...change,
        state,
        ...exposureIn(production, null),
      })),
    );
    this.#addToHistory(loop.state);
    this.#followSteps();
    this.sharing?.attach(loop, choice, (heard) => void this.#take(heard));
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

  /** The operator's choice; null: none. */
  get choice(): Choice | null {
    const isRevoked = this.loop.state.fixed?.doubt === 'disagreement';
    return this.#choice && isRevoked ? { ...this.#choice, isRevoked } : this.#choice;
  }

  /** Whether the choice outlives a restart; null without a choice. */
  get durability(): Durability | null {
    if (this.#choice === null) return null;
    return this.#persistence === undefined ? NOT_DURABLE : this.#persistence.durability;
  }

  /**
   * Goes back to the last good threshold, as mode `fixed`: see `choose`.
   *
   * @param to - where the operator expects to come to; undefined: wherever that is.
   * @throws ServingError CONFLICT if there is none, or it is another one.
   */
  async goBack(to: number | undefined): Promise<Durability> {
    const found = lastGoodOf(this.loop.state);
    if (found.kind === 'none')
      throw new ServingError('CONFLICT', `there is no last good threshold: ${found.reason}`);
    const { threshold, present } = found;
    if (to !== undefined && to !== threshold)
      throw new ServingError('CONFLICT', `the last good threshold is τ = ${threshold} by now, not ${to}`);
    return this.choose('fixed', threshold, present);
  }

  /**
   * Applies a mode at once, and tells the other replicas; resolves when it is written, or cannot be written.
   *
   * @param backFrom - the threshold that is gone back from; undefined: the mode is simply another.
   */
  async choose(mode: Mode, threshold: number | undefined, backFrom?: number): Promise<Durability> {
    const now = this.sharing?.replica.lease.wallMs ?? Date.now();
    const choice: Choice = {
      mode,
      threshold: threshold ?? null,
      isRevoked: false,
      model: this.loaded.hash,
      version: this.version,
      at: Math.max(now, (this.#choice?.at ?? 0) + 1),
    };
    const kept = this.#take(choice, backFrom);
    this.sharing?.tell(choice);
    return kept;
  }

  /** By how many replicas the latest choice that was made here was taken; null: there are no others, or none was made. */
  async reach(): Promise<Reach | null> {
    return this.sharing?.reach() ?? null;
  }

  /** Applies a choice, made here or elsewhere. A fixed threshold that was chosen for another file is observed, not applied. */
  async #take(choice: Choice, backFrom?: number): Promise<Durability> {
    if (isSameChoice(choice, this.#choice)) return this.durability ?? NOT_DURABLE;
    const isForThis = choice.model === this.loaded.hash && choice.version === this.version;
    const isObserved = choice.mode === 'fixed' && !isForThis;
    this.loop.setMode(
      isObserved ? 'observe' : choice.mode,
      isObserved ? undefined : (choice.threshold ?? undefined),
      choice.at,
      backFrom,
    );
    this.#choice = choice;
    return this.#persistence?.choose(choice) ?? NOT_DURABLE;
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

  /** The state at a start has no time, so it gets the present one. */
  #addToHistory(state: ControllerState): void {
    const { at, reason, detail } = state.change;
    this.history.add({
      at: at === 0 ? Date.now() : at,
      reason,
      detail,
      state: stateName(state),
      ...this.loop.exposure,
    });
  }

  #traceChange({ change: { reason, detail }, mode }: ControllerState): SpanContext {
    const { applied, exposure } = this.loop;
    const now = performance.now();
    return addSpan('taustat.threshold', now, now, {
      'taustat.model': this.name,
      'taustat.mode': mode,
      'taustat.threshold': applied,
      'taustat.exposure': exposure.exposure,
      'taustat.reason': reason,
      'taustat.evidence': detail,
    });
  }

  /** Reacts to the loop's steps: keeps and audits them, prepares sessions, logs and counts changes. */
  #followSteps(): void {
    const { loop, runtime, name } = this;
    const persistence = this.#persistence;
    persistence?.follow(() => ({ ...loop.resumePoint, plan: this.sparse?.planToKeep ?? null }));
    const changes$ = loop.steps$.pipe(filter(({ before, after }) => before.change !== after.change));
    runtime.prepare(loop.applied);
    this.#followers.add(
      loop.steps$.subscribe(({ event, after }) => {
        if (event.kind === 'tested') this.#metrics.testResults.inc(this.labels);
        persistence?.onStep(event, after);
      }),
    );
    this.#followers.add(
      changes$
        .pipe(
          map(() => loop.applied),
          distinctUntilChanged(),
        )
        .subscribe((threshold) => runtime.prepare(threshold)),
    );
    this.#followers.add(
      changes$
        .pipe(map(() => loop.exposure.candidate ?? 0))
        .subscribe((candidate) => this.sparse?.setTarget(candidate)),
    );
    this.sparse?.setTarget(loop.exposure.candidate ?? 0);
    this.#followers.add(
      changes$.subscribe(({ before, after }) => {
        const { mode, phase } = after;
        const { reason, detail } = after.change;
        this.#addToHistory(after);
        countChange(this.#metrics, this, before);
        const fields = { model: name, mode, phase: phase.kind, ...loop.exposure, reason };
        const level = WARNED_OF.has(reason) ? 'warn' : 'info';
        this.#log[level]({ ...fields, ...traceFields(this.#traceChange(after)) }, detail);
      }),
    );
  }
}

function isSameChoice(a: Choice, b: Choice | null): boolean {
  return b !== null && a.at === b.at && a.mode === b.mode && a.threshold === b.threshold;
}
