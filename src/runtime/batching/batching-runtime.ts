import { ServingError } from '../../config/errors.ts';
import type { Tensor } from '../../protocol/types.ts';
import { Admission } from '../admission.ts';
import { MIN_DEPTH } from '../local/pipeline-depth.ts';
import type { Run, RunResult, Runtime, ShadowResult, ShadowRun } from '../runtime.ts';
import { joined, split } from './batch.ts';
import { type Batch, BatchQueue } from './batch-queue.ts';
import { BatchRequest } from './batch-request.ts';
import { CHECK_EVERY, refuted, type Trial, trialAfter, UNTRIED } from './batch-trial.ts';

export interface BatchingOptions {
  /** Most rows of one run. */
  readonly maxBatch: number;
  /** Longest time that a request waits for others although a worker is free. */
  readonly maxDelayMs: number;
  /** Most production runs that may wait; more are refused. Absent: see `Admission`. */
  readonly maxQueue?: number | undefined;
  /** Longest predicted wait at which a production run is accepted; absent: any. */
  readonly maxQueueMs?: number | undefined;
  /** Why no runs are shared; absent: they are, once a trial has shown that the answers stay the same. */
  readonly unbatchable?: string | undefined;
  /** Called for every run with the number of requests that share it. */
  readonly onBatch?: (requests: number) => void;
  /** Called when the trial ends, and when a later check refutes it. */
  readonly onDecision?: (trial: Trial) => void;
}

/**
 * Lets production requests of one shape share a run of another runtime. Each request gets its own rows of the outputs. If a
 * shared run fails, its requests are run alone, so that one bad request does not fail the others. Shadow runs are never shared.
 */
export class BatchingRuntime implements Runtime {
  readonly #inner: Runtime;
  readonly #options: BatchingOptions;
  readonly #queue: BatchQueue;
  readonly #admission: Admission;
  #trial: Trial;
  #runs = 0;
  #sharedRuns = 0;
  #requestsUnderWay = 0;
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
    this.#admission = new Admission({ maxQueue, maxQueueMs, workers, requestsPerRun: maxBatch });
    this.#trial = options.unbatchable === undefined ? UNTRIED : refuted(options.unbatchable);
  }

  get isReady(): boolean {
    return this.#closed === undefined && this.#inner.isReady;
  }

  get stuck(): string | undefined {
    return this.#inner.stuck;
  }

  get pending(): number {
    return this.#queue.size + this.#requestsUnderWay;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  get busy() {
    return this.#inner.busy;
  }

  run(run: Run): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined)
        return reject(new ServingError('UNAVAILABLE', 'the server is shutting down'));
      const request = new BatchRequest(run, this.#trial.kind !== 'refuted', { resolve, reject });
      if (request.rows === undefined && this.#hasRoom && this.#queue.size === 0) {
        return this.#start([request]);
      }
      this.#enqueue(request);
    });
  }

  checkRoom(): void {
    if (this.#queue.size === 0) return;
    const refusal = this.#admission.refusal(this.#queue.size, performance.now());
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
    this.#queue.makeAllDue();
    this.#dispatch();
    if (this.pending > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await this.#inner.close();
  }

  /** Whether a worker can take a run: each has one under way and one in its mailbox. Batches beyond that wait and can still grow. */
  get #hasRoom(): boolean {
    return this.#runs < MIN_DEPTH * this.#inner.busy.workers;
  }

  #enqueue(request: BatchRequest): void {
    const refusal = this.#admission.refusal(this.#queue.size, performance.now());
    if (refusal !== undefined) request.reject(refusal);
    if (refusal !== undefined || !this.#wait(request)) return;
    this.#admission.waits(performance.now());
    const batch = this.#queue.add(request);
    if (batch.isDue || batch.rows >= this.#options.maxBatch) this.#dispatch();
    else if (batch.requests.length === 1) this.#waitForMore(batch);
  }

  #wait(request: BatchRequest): boolean {
    return request.wait(() => {
      this.#queue.remove(request);
      this.#noticeIdle();
    });
  }

  /** Without a delay, requests that arrive in the same turn of the event loop still share a run. */
  #waitForMore(batch: Batch): void {
    const start = () => {
      batch.isDue = true;
      this.#dispatch();
    };
    const { maxDelayMs } = this.#options;
    if (maxDelayMs > 0) setTimeout(start, maxDelayMs);
    else setImmediate(start);
  }

  #dispatch(): void {
    while (this.#hasRoom) {
      const batch = this.#queue.take();
      if (batch === undefined) return;
      this.#start(batch.requests);
    }
  }

  #start(requests: readonly BatchRequest[]): void {
    this.#runs++;
    this.#requestsUnderWay += requests.length;
    for (const request of requests) request.start();
    void this.#answer(requests).finally(() => {
      this.#runs--;
      this.#requestsUnderWay -= requests.length;
      for (const _ of requests) this.#admission.departed(this.#queue.size, performance.now());
      this.#dispatch();
      this.#noticeIdle();
    });
  }

  async #answer(requests: readonly BatchRequest[]): Promise<void> {
    if (requests.length === 1) await this.#runAlone(requests[0]!);
    else if (this.#trial.kind === 'refuted') this.#requeueAlone(requests);
    else if (this.#trial.kind === 'proven') await this.#runTogether(requests);
    else await this.#runTrial(requests);
  }

  async #runAlone(request: BatchRequest): Promise<readonly Tensor[] | undefined> {
    this.#options.onBatch?.(1);
    try {
      const result = await this.#inner.run(request.run);
      request.settle(result);
      return result.outputs;
    } catch (error) {
      request.reject(error);
      return undefined;
    }
  }

  async #runTogether(requests: readonly BatchRequest[]): Promise<void> {
    this.#options.onBatch?.(requests.length);
    const check = ++this.#sharedRuns % CHECK_EVERY === 0 ? this.#checkOf(requests) : undefined;
    const shared = await this.#share(requests.map(({ run }) => run)).catch((error: unknown) => {
      for (const request of requests) request.reject(error);
      return 'overdue' as const;
    });
    if (shared === 'overdue') return;
    // One of the requests may be at fault: run alone, it fails alone.
    if (shared === undefined) return this.#requeueAlone(requests);
    const { result, parts } = shared;
    // Only solo runs show whose row was not finite.
    if (result.denseInstead !== undefined) return this.#requeueAlone(requests);
    if (parts === undefined) {
      this.#decide(refuted('the outputs do not have one row per row of the inputs'));
      return this.#requeueAlone(requests);
    }
    const run = { rows: requests.reduce((sum, { rows = 0 }) => sum + rows, 0) };
    for (const [i, request] of requests.entries()) request.settle(result, parts[i]!, requests.length, run);
    await check?.();
  }

  /**
   * Runs an answered batch again, and one of its requests alone, and compares the answers. Both runs are dense, since close
   * to a threshold a rounding difference can flip a gate. The inputs are copied now, before they are transferred to a worker.
   */
  #checkOf(requests: readonly BatchRequest[]): () => Promise<void> {
    const runs = requests.map(({ run }) => ({ ...joined([run]), thresholds: undefined }));
    const at = Math.floor(this.#sharedRuns / CHECK_EVERY) % requests.length;
    const alone = joined([runs[at]!]);
    return async () => {
      const together = await this.#share(runs).catch(() => undefined);
      const solo = await this.#inner.run(alone).catch(() => undefined);
      const own = together?.parts?.[at];
      if (own === undefined || solo === undefined) return;
      this.#decide(trialAfter(this.#trial, [own], [solo.outputs]));
    };
  }

  /** Answers each request from a solo run, and compares it with the answer of a shared run. */
  async #runTrial(requests: readonly BatchRequest[]): Promise<void> {
    const shared = this.#share(requests.map(({ run }) => run)).catch(() => undefined);
    const solo = await Promise.all(requests.map((request) => this.#runAlone(request)));
    const outcome = await shared;
    if (outcome !== undefined && outcome.result.denseInstead === undefined)
      this.#decide(trialAfter(this.#trial, outcome.parts, solo));
  }

  /** The answers from a shared run; undefined if it failed. */
  async #share(runs: readonly Run[]) {
    const rows = runs.map(({ inputs }) => inputs[0]!.shape[0]!);
    try {
      const result = await this.#inner.run(joined(runs));
      return { result, parts: split(result.outputs, rows) };
    } catch (error) {
      // Runs that do not end together would not end alone either, and would block a worker each.
      if (error instanceof ServingError && error.code === 'DEADLINE_EXCEEDED') throw error;
      return undefined;
    }
  }

  #requeueAlone(requests: readonly BatchRequest[]): void {
    this.#queue.putFirst(requests.filter((request) => this.#wait(request)));
  }

  #decide(trial: Trial): void {
    const isNew = trial.kind !== this.#trial.kind;
    this.#trial = trial;
    if (isNew) this.#options.onDecision?.(trial);
  }

  readonly #noticeIdle = (): void => {
    if (this.pending === 0) this.#onIdle?.();
  };
}
