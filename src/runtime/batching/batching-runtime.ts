import { ServingError } from '../../config/errors.ts';
import type { Tensor } from '../../protocol/types.ts';
import { Admission } from '../local/admission.ts';
import { PIPELINE } from '../local/pipeline-depth.ts';
import type { Run, RunResult, Runtime, ShadowResult, ShadowRun } from '../runtime.ts';
import { joined, split } from './batch.ts';
import { type Batch, BatchQueue } from './batch-queue.ts';
import { afterTrial, CHECK_EVERY, refuted, type Trust, UNTRIED } from './batch-trial.ts';
import { Rider } from './rider.ts';

export interface BatchingOptions {
  /** Rows of one run, at most. */
  readonly maxBatch: number;
  /** How long a run waits for others although a worker is free. */
  readonly maxDelayMs: number;
  /** Production runs that may wait; one more is refused. Absent: as many as a burst makes. */
  readonly maxQueue?: number | undefined;
  /** Longest predicted wait that a production run is let into; absent: any. */
  readonly maxQueueMs?: number | undefined;
  /** Why no runs ride together; absent: they do, once a trial has shown that the answers stay the same. */
  readonly unbatchable?: string | undefined;
  /** Told of every run, with the number of requests that share it. */
  readonly onBatch?: (riders: number) => void;
  /** Told when the trial is over, and when a later check refutes what it has shown. */
  readonly onDecision?: (trust: Trust) => void;
}

/**
 * Lets production runs of one shape ride together in one run of another runtime. Each rider gets its own rows of the
 * outputs; one that the model refuses does not fail the others, which are then run alone. Shadow runs ride alone.
 */
export class BatchingRuntime implements Runtime {
  readonly #inner: Runtime;
  readonly #options: BatchingOptions;
  readonly #queue: BatchQueue;
  readonly #admission: Admission;
  #trust: Trust;
  #runs = 0;
  #sharedRuns = 0;
  #ridersUnderWay = 0;
  #closed: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;
  #dropShadows: () => void = () => undefined;
  readonly #shadowsDropped = new Promise<'dropped'>((resolve) => {
    this.#dropShadows = () => resolve('dropped');
  });

  constructor(inner: Runtime, options: BatchingOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#queue = new BatchQueue(options.maxBatch);
    const { maxQueue, maxQueueMs = Number.POSITIVE_INFINITY, maxBatch } = options;
    const { workers } = inner.busy;
    this.#admission = new Admission({ maxQueue, maxQueueMs, workers, ridersPerRun: maxBatch });
    this.#trust = options.unbatchable === undefined ? UNTRIED : refuted(options.unbatchable);
  }

  get isReady(): boolean {
    return this.#closed === undefined && this.#inner.isReady;
  }

  get stuck(): string | undefined {
    return this.#inner.stuck;
  }

  get pending(): number {
    return this.#queue.riders + this.#ridersUnderWay;
  }

  get busy() {
    return this.#inner.busy;
  }

  run(run: Run): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined)
        return reject(new ServingError('UNAVAILABLE', 'the server is shutting down'));
      const rider = new Rider(run, this.#trust.kind !== 'refuted', { resolve, reject });
      if (rider.rows === undefined && this.#hasRoom && this.#queue.riders === 0) {
        return this.#start([rider]);
      }
      this.#enqueue(rider);
    });
  }

  checkRoom(): void {
    if (this.#queue.riders === 0) return;
    const refusal = this.#admission.refusal(this.#queue.riders, performance.now());
    if (refusal !== undefined) throw refusal;
  }

  prepare(threshold: number): void {
    this.#inner.prepare(threshold);
  }

  async adopt(model: Uint8Array): Promise<boolean> {
    return (await this.#inner.adopt?.(model)) ?? false;
  }

  async shadow(run: ShadowRun): Promise<ShadowResult | 'dropped'> {
    if (this.#closed !== undefined) return 'dropped';
    return Promise.race([this.#inner.shadow(run), this.#shadowsDropped]);
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    this.#dropShadows();
    this.#queue.stopWaiting();
    this.#dispatch();
    if (this.pending > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await this.#inner.close();
  }

  /** A worker's mailbox holds the next run while one is under way; what waits beyond that can still gain riders. */
  get #hasRoom(): boolean {
    return this.#runs < PIPELINE * this.#inner.busy.workers;
  }

  #enqueue(rider: Rider): void {
    const refusal = this.#admission.refusal(this.#queue.riders, performance.now());
    if (refusal !== undefined) rider.reject(refusal);
    if (refusal !== undefined || !this.#wait(rider)) return;
    this.#admission.waits(performance.now());
    const batch = this.#queue.add(rider);
    if (batch.isOver || batch.rows >= this.#options.maxBatch) this.#dispatch();
    else if (batch.riders.length === 1) this.#waitForMore(batch);
  }

  #wait(rider: Rider): boolean {
    return rider.wait(() => {
      this.#queue.remove(rider);
      this.#noticeIdle();
    });
  }

  /** Without a delay, what arrives in the same turn of the event loop rides together all the same. */
  #waitForMore(batch: Batch): void {
    const enough = () => {
      batch.isOver = true;
      this.#dispatch();
    };
    const { maxDelayMs } = this.#options;
    if (maxDelayMs > 0) setTimeout(enough, maxDelayMs);
    else setImmediate(enough);
  }

  #dispatch(): void {
    while (this.#hasRoom) {
      const batch = this.#queue.take();
      if (batch === undefined) return;
      this.#start(batch.riders);
    }
  }

  #start(riders: readonly Rider[]): void {
    this.#runs++;
    this.#ridersUnderWay += riders.length;
    for (const rider of riders) rider.start();
    void this.#answer(riders).finally(() => {
      this.#runs--;
      this.#ridersUnderWay -= riders.length;
      for (const _ of riders) this.#admission.departed(this.#queue.riders, performance.now());
      this.#dispatch();
      this.#noticeIdle();
    });
  }

  async #answer(riders: readonly Rider[]): Promise<void> {
    if (riders.length === 1) await this.#runAlone(riders[0]!);
    else if (this.#trust.kind === 'refuted') this.#goAlone(riders);
    else if (this.#trust.kind === 'proven') await this.#runTogether(riders);
    else await this.#try(riders);
  }

  async #runAlone(rider: Rider): Promise<readonly Tensor[] | undefined> {
    this.#options.onBatch?.(1);
    try {
      const result = await this.#inner.run(rider.run);
      rider.settle(result);
      return result.outputs;
    } catch (error) {
      rider.reject(error);
      return undefined;
    }
  }

  async #runTogether(riders: readonly Rider[]): Promise<void> {
    this.#options.onBatch?.(riders.length);
    const check = ++this.#sharedRuns % CHECK_EVERY === 0 ? this.#checkOf(riders) : undefined;
    const shared = await this.#share(riders.map(({ run }) => run)).catch((error: unknown) => {
      for (const rider of riders) rider.reject(error);
      return 'overdue' as const;
    });
    if (shared === 'overdue') return;
    // Whoever of them it was that could not be run: alone, it fails alone.
    if (shared === undefined) return this.#goAlone(riders);
    const { result, parts } = shared;
    // Whose row it was that was not finite is known alone.
    if (result.denseInstead !== undefined) return this.#goAlone(riders);
    if (parts === undefined) {
      this.#decide(refuted('the outputs do not have one row per row of the inputs'));
      return this.#goAlone(riders);
    }
    for (const [i, rider] of riders.entries()) rider.settle(result, parts[i]!, riders.length);
    await check?.();
  }

  /**
   * Runs a batch again after it was answered, and one of its riders alone, and compares: dense, since next to a threshold a
   * rounding difference can flip a gate. The inputs are copied now, before the riders' own are given away.
   */
  #checkOf(riders: readonly Rider[]): () => Promise<void> {
    const runs = riders.map(({ run }) => ({ ...joined([run]), thresholds: undefined }));
    const at = Math.floor(this.#sharedRuns / CHECK_EVERY) % riders.length;
    const alone = joined([runs[at]!]);
    return async () => {
      const together = await this.#share(runs).catch(() => undefined);
      const solo = await this.#inner.run(alone).catch(() => undefined);
      const own = together?.parts?.[at];
      if (own === undefined || solo === undefined) return;
      this.#decide(afterTrial(this.#trust, [own], [solo.outputs]));
    };
  }

  /** Answers each rider out of a run of its own, and compares what a shared one would have answered. */
  async #try(riders: readonly Rider[]): Promise<void> {
    const shared = this.#share(riders.map(({ run }) => run)).catch(() => undefined);
    const solo = await Promise.all(riders.map((rider) => this.#runAlone(rider)));
    const outcome = await shared;
    if (outcome !== undefined && outcome.result.denseInstead === undefined)
      this.#decide(afterTrial(this.#trust, outcome.parts, solo));
  }

  /** The answers out of one run; undefined when that failed. */
  async #share(runs: readonly Run[]) {
    const rows = runs.map(({ inputs }) => inputs[0]!.shape[0]!);
    try {
      const result = await this.#inner.run(joined(runs));
      return { result, parts: split(result.outputs, rows) };
    } catch (error) {
      // What does not end together would not end alone either, and hold a worker each.
      if (error instanceof ServingError && error.code === 'DEADLINE_EXCEEDED') throw error;
      return undefined;
    }
  }

  #goAlone(riders: readonly Rider[]): void {
    this.#queue.putFirst(riders.filter((rider) => this.#wait(rider)));
  }

  #decide(trust: Trust): void {
    const isNew = trust.kind !== this.#trust.kind;
    this.#trust = trust;
    if (isNew) this.#options.onDecision?.(trust);
  }

  readonly #noticeIdle = (): void => {
    if (this.pending === 0) this.#onIdle?.();
  };
}
