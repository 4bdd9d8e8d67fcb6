import type { Logger } from 'pino';
import { distinctUntilChanged, filter, map, Subscription } from 'rxjs';
import type { Mode } from '../../config/modes.ts';
import { exposureIn, production, stateName } from '../../control/phases/production.ts';
import type { ControllerState } from '../../control/phases/state.ts';
import type { ControlLoop } from '../../loop/control-loop.ts';
import type { ModelStatistics } from '../../plane/inference.ts';
import type { ModelConfiguration } from '../../plane/model-configuration.ts';
import type { ModelMetadata } from '../../protocol/types.ts';
import type { LoadedModel } from '../../runtime/local/load-model.ts';
import type { DenseInstead, Runtime } from '../../runtime/runtime.ts';
import { PLAIN, type Speedup } from '../../sparse/speedup.ts';
import type { Choice, Durability } from '../../store/choice.ts';
import type { ModelPersistence } from '../../store/model-persistence.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { ChangeHistory } from './change-history.ts';
import type { Classes } from './classification.ts';
import { countChange, exportModelMetrics } from './model-metrics.ts';
import type { PruningTime } from './pruning-time.ts';
import { RequestCounter } from './request-counter.ts';
import { SkippedWork } from './skipped-work.ts';

const NOT_KEPT: Durability = { durable: false, reason: 'this server keeps no state (store.enabled)' };

/** What a served model is made of. */
export interface ModelParts {
  readonly metadata: ModelMetadata;
  readonly configuration: ModelConfiguration;
  /** Names of classes, by their index; empty: none. */
  readonly labels: readonly string[];
  readonly loaded: LoadedModel;
  readonly runtime: Runtime;
  readonly loop: ControlLoop;
  /** How answers are compared, as configured. */
  readonly measure: string;
  /** What outlives a restart; undefined: nothing does. */
  readonly persistence: ModelPersistence | undefined;
  /** Finds out whether pruning saves time; undefined: nobody asks, or it cannot. */
  readonly time: PruningTime | undefined;
  /** What an operator has chosen; null: nothing. */
  readonly choice: Choice | null;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** A model that is being served: its runtime, its loop, and what follows the loop's steps. `infer` is the way of a request. */
export class ServedModel {
  readonly metadata: ModelMetadata;
  readonly configuration: ModelConfiguration;
  readonly classes: Classes;
  readonly loaded: LoadedModel;
  readonly runtime: Runtime;
  readonly loop: ControlLoop;
  readonly measure: string;
  readonly counter: RequestCounter;
  readonly history: ChangeHistory;
  /** Names of all outputs. */
  readonly outputs: readonly string[];
  readonly time: PruningTime | undefined;
  readonly skippedWork = new SkippedWork();
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #persistence: ModelPersistence | undefined;
  readonly #followers = new Subscription();
  #choice: Choice | null;

  constructor(parts: ModelParts) {
    const { metadata, configuration, labels, loaded, runtime, loop, measure, persistence, time, choice } =
      parts;
    const { metrics, log } = parts;
    this.metadata = metadata;
    this.configuration = configuration;
    this.classes = { specs: metadata.outputs, labels };
    this.loaded = loaded;
    this.runtime = runtime;
    this.loop = loop;
    this.time = time;
    this.measure = measure;
    this.outputs = metadata.outputs.map(({ name }) => name);
    this.counter = new RequestCounter(metadata.name, metrics, ({ rows, threshold, result }, nowMs) => {
      this.skippedWork.add(rows, threshold > 0 ? (result.macsSkipped ?? 0) : 0);
      loop.answered(threshold, result.outputs, nowMs);
    });
    this.#metrics = metrics;
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
    this.#remember(loop.state);
    this.#followSteps();
  }

  get name(): string {
    return this.metadata.name;
  }

  get version(): string {
    return this.metadata.versions[0]!;
  }

  get statistics(): ModelStatistics {
    return this.counter.read(this.version);
  }

  /** Called before a body is read: whether the request would be let in now. @throws ServingError OVERLOADED */
  admit(): void {
    try {
      this.runtime.checkRoom?.();
    } catch (error) {
      this.counter.failed(error, 0);
      throw error;
    }
  }

  /** Time of the plain model over time as served; null where gates prune it, whose time nobody measures. */
  get speedup(): Speedup | null {
    const { heldBack, mode } = this.loop.state;
    const { threshold, share, rest } = production(this.loop.state);
    if (threshold === 0 || mode === 'off' || heldBack !== undefined) return PLAIN;
    return this.time?.speedup(rest > 0 ? 1 : share) ?? null;
  }

  /** Whether a request of so many rows is answered sooner where it is pruned, or pruned whatever the time. */
  pays(rows: number): boolean {
    return this.time?.pays(rows) ?? true;
  }

  /** A pruned answer was not finite, and was answered dense instead. */
  notFinite(threshold: number, dense: DenseInstead): void {
    this.#metrics.nonFiniteAnswers.inc({ model: this.name });
    if (dense.isFinite) this.loop.lost(threshold);
  }

  /** What an operator has chosen for it; null: nothing. */
  get choice(): Choice | null {
    const isRevoked = this.loop.state.fixed?.doubt === 'disagreement';
    return this.#choice && isRevoked ? { ...this.#choice, isRevoked } : this.#choice;
  }

  /** Whether that outlives a restart; null where nothing was chosen. */
  get durability(): Durability | null {
    if (this.#choice === null) return null;
    return this.#persistence === undefined ? NOT_KEPT : this.#persistence.durability;
  }

  /** In force at once; resolves when it outlives a restart, or cannot be made to. */
  async choose(mode: Mode, threshold: number | undefined): Promise<Durability> {
    const at = Math.max(Date.now(), (this.#choice?.at ?? 0) + 1);
    this.loop.setMode(mode, threshold, at);
    this.#choice = {
      mode,
      threshold: threshold ?? null,
      isRevoked: false,
      model: this.loaded.hash,
      version: this.version,
      at,
    };
    return this.#persistence?.choose(this.#choice) ?? NOT_KEPT;
  }

  /** Brings the metrics that are read rather than counted up to date. */
  exportMetrics(): void {
    this.counter.settle();
    exportModelMetrics(this.#metrics, this);
  }

  /** Resolves when the present state would survive a restart, where anything is kept. */
  async kept(): Promise<void> {
    await this.#persistence?.flush();
  }

  /** Finishes what was accepted. Nothing is kept from now on: what takes this model's place may keep its own already. */
  async close(): Promise<void> {
    const finished = this.runtime.close();
    this.#followers.unsubscribe();
    this.time?.close();
    this.loop.close();
    await this.#persistence?.close();
    await finished;
  }

  /** What a server starts with has no time of its own. */
  #remember(state: ControllerState): void {
    const { at, reason, detail } = state.change;
    this.history.add({
      at: at === 0 ? Date.now() : at,
      reason,
      detail,
      state: stateName(state),
      ...this.loop.exposure,
    });
  }

  /** What a step leads to outside the loop: it is kept and audited, sessions are prepared, changes are logged and counted. */
  #followSteps(): void {
    const { loop, runtime, name } = this;
    const persistence = this.#persistence;
    persistence?.follow(() => ({ ...loop.resumePoint, plan: this.time?.keepsake ?? null }));
    const changes$ = loop.steps$.pipe(filter(({ before, after }) => before.change !== after.change));
    runtime.prepare(loop.applied);
    this.#followers.add(
      loop.steps$.subscribe(({ event, after }) => {
        if (event.kind === 'tested') this.#metrics.testResults.inc({ model: name });
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
        .subscribe((candidate) => this.time?.want(candidate)),
    );
    this.time?.want(loop.exposure.candidate ?? 0);
    this.#followers.add(
      changes$.subscribe(({ before, after }) => {
        const { mode, phase } = after;
        const { reason, detail } = after.change;
        this.#remember(after);
        countChange(this.#metrics, this, before);
        this.#log.info({ model: name, mode, phase: phase.kind, ...loop.exposure, reason }, detail);
      }),
    );
  }
}
