import { setTimeout as after } from 'node:timers/promises';
import { ServingError } from '../../config/errors.ts';
import { emptyHistogram } from '../../estimator/histogram.ts';
import { HISTOGRAMS_OUTPUT } from '../../onnx/names.ts';
import type { Parameters, Tensor } from '../../protocol/types.ts';
import { Admission } from '../admission.ts';
import { isFiniteTensor } from '../finite-tensor.ts';
import { JobQueue } from '../job-queue.ts';
import type { Measure } from '../measure.ts';
import { type Measured, measuredTaps } from '../measured-taps.ts';
import { type Ran, RunJob } from '../run-job.ts';
import type { Run, RunResult, Runtime, ShadowResult, ShadowRun } from '../runtime.ts';
import { checkedAnswer } from './checked-answer.ts';
import { type Headers, type UpstreamClient, UpstreamFault } from './client.ts';
import { Identity, measureFor, rowsOf, type Standing, thresholdsFor } from './identity.ts';
import { measuredRows } from './measured-rows.ts';
import { ServiceTime } from './service-time.ts';
import type { GatedModel, UpstreamModel } from './upstream-model.ts';

export interface UpstreamRuntimeOptions {
  /** Most requests under way at the server. */
  readonly maxConcurrent: number;
  /** Most shadow runs among them. */
  readonly maxShadows: number;
  /** See `WorkerRuntimeOptions`. */
  readonly maxQueue?: number | undefined;
  readonly maxQueueMs?: number | undefined;
  readonly maxShadowQueue: number;
  /** Longest time of a run. */
  readonly maxRunMs: number;
  /** Names of headers, in lower case, that are passed on. */
  readonly forwardHeaders: readonly string[];
  /** Part of the hash of the model; see `readUpstreamModel`. */
  readonly generation?: number;
  /** Told when the server's models stop being, or are again, those that the evidence is about. */
  readonly onStanding?: (standing: Standing) => void;
  /** Told when the server becomes ready, or stops being so, with the reason. */
  readonly onReadiness?: (notReady: string | undefined) => void;
}

/** How often the server is asked whether it is ready. */
const WATCH_MS = 1000;
/** How long it may take to tell. */
const WATCH_TIMEOUT_MS = 5000;
/** How often the models are recognised while there is no doubt. */
const CHECK_MS = 10_000;
/** Shadow runs pause for so long after the server had no room, twice as long at each further time. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Runs a model in an upstream server: dense runs in its plain model, pruned and measured ones in the instrumented model beside it.
 *
 * Whatever is wrong with the instrumented model, production is answered by the plain one. A request is sent again only where
 * nothing was executed, or to that other model.
 */
export class UpstreamRuntime implements Runtime {
  readonly #client: UpstreamClient;
  readonly #model: UpstreamModel;
  readonly #options: UpstreamRuntimeOptions;
  readonly #queue: JobQueue;
  readonly #admission: Admission;
  readonly #identity: Identity;
  readonly #running = new Map<AbortController, { readonly startedAt: number; readonly isShadow: boolean }>();
  readonly #watch: NodeJS.Timeout;
  /** Of runs that measure, whose answers are much larger, and of all others. */
  readonly #service = { answered: new ServiceTime(), measured: new ServiceTime() };
  #underWay = 0;
  #shadows = 0;
  #productionMs = 0;
  #shadowMs = 0;
  #pausedUntil = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #notReady: string | undefined;
  #isLooking = false;
  #checkedAt = 0;
  #closed: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  /** @param model - as the server described it just now. */
  constructor(client: UpstreamClient, model: UpstreamModel, options: UpstreamRuntimeOptions) {
    this.#client = client;
    this.#model = model;
    this.#options = options;
    this.#queue = new JobQueue(options.maxShadowQueue, () => this.#noticeIdle());
    const { maxQueue, maxQueueMs = Number.POSITIVE_INFINITY, maxConcurrent, generation = 0 } = options;
    this.#admission = new Admission({ maxQueue, maxQueueMs, workers: maxConcurrent });
    this.#identity = new Identity({
      client,
      model,
      generation,
      onChange: (standing) => options.onStanding?.(standing),
    });
    this.#watch = setInterval(() => void this.#look(), WATCH_MS).unref();
  }

  get isReady(): boolean {
    return this.#closed === undefined && this.#notReady === undefined;
  }

  get stuck(): string | undefined {
    return this.#notReady;
  }

  /** Whether the instrumented model is used; else why it is not. */
  get standing(): Standing {
    return this.#identity.standing;
  }

  get pending(): number {
    return this.#queue.production + this.#underWay;
  }

  get waiting(): number {
    return this.#queue.production;
  }

  get busy() {
    return {
      productionMs: this.#productionMs,
      shadowMs: this.#shadowMs,
      workers: this.#options.maxShadows,
    };
  }

  run(run: Run): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined)
        return reject(new ServingError('UNAVAILABLE', 'the server is shutting down'));
      const job = new RunJob(run, 'nothing', false, { resolve, reject });
      if (this.#queue.production === 0 && this.#hasRoom) return this.#start(job);
      const now = performance.now();
      const refusal = this.#admission.refusal(this.#queue.production, now);
      if (refusal !== undefined) return reject(refusal);
      this.#queue.offer(job);
      this.#admission.waits(now);
    });
  }

  checkRoom(): void {
    if (this.#queue.production === 0) return;
    const refusal = this.#admission.refusal(this.#queue.production, performance.now());
    if (refusal !== undefined) throw refusal;
  }

  shadow(run: ShadowRun): Promise<ShadowResult | 'dropped'> {
    return new Promise((resolve, reject) => {
      const dropOrReject = (error: unknown) => {
        const isGone = error instanceof ServingError && error.code === 'UNAVAILABLE';
        const isBusy = error instanceof UpstreamFault && (error.kind === 'busy' || error.kind === 'late');
        return isGone || isBusy || this.#closed !== undefined ? resolve('dropped') : reject(error);
      };
      const isPaused = performance.now() < this.#pausedUntil;
      const isBlocked = run.thresholds !== undefined && !this.#identity.isTrusted;
      const job = new RunJob(run, run.measure, true, { resolve, reject: dropOrReject });
      if (this.#closed !== undefined || isPaused || isBlocked || !this.#queue.offer(job))
        return resolve('dropped');
      this.#dispatch();
    });
  }

  /** The server's models are as they are. */
  prepare(): void {}

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    clearInterval(this.#watch);
    for (const job of this.#queue.drainShadow()) job.cancel();
    for (const [controller, { isShadow }] of this.#running) if (isShadow) controller.abort();
    if (this.pending > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  get #hasRoom(): boolean {
    return this.#underWay + this.#shadows < this.#options.maxConcurrent;
  }

  readonly #noticeIdle = (): void => {
    if (this.pending === 0) this.#onIdle?.();
  };

  #dispatch(): void {
    while (this.#hasRoom) {
      const job =
        this.#queue.takeProduction() ??
        (this.#shadows < this.#options.maxShadows ? this.#queue.takeShadow() : undefined);
      if (job === undefined) return;
      this.#start(job);
    }
  }

  #start(job: RunJob): void {
    job.start();
    const startedAt = performance.now();
    const { isShadow, run } = job;
    const controller = new AbortController();
    this.#running.set(controller, { startedAt, isShadow });
    const { signal } = run;
    const leave = () => controller.abort();
    if (signal?.aborted) leave();
    else signal?.addEventListener('abort', leave, { once: true });
    if (isShadow) this.#shadows++;
    else this.#underWay++;
    const goOn = () => {
      signal?.removeEventListener('abort', leave);
      this.#running.delete(controller);
      if (isShadow) this.#shadows--;
      else {
        this.#underWay--;
        this.#admission.departed(this.#queue.production, performance.now());
      }
      this.#dispatch();
      this.#noticeIdle();
    };
    const answered = isShadow
      ? this.#measured(job, controller.signal)
      : this.#answered(run, controller.signal);
    answered.then(
      (ran) => {
        const kind = isShadow && job.measure !== 'nothing' ? 'measured' : 'answered';
        const serviceMs = this.#service[kind].observe(ran.inferMs);
        if (isShadow) {
          this.#shadowMs += serviceMs;
          this.#pauseMs = FIRST_PAUSE_MS;
        } else this.#productionMs += serviceMs;
        job.settle(ran, serviceMs);
        goOn();
      },
      (error: unknown) => {
        this.#heed(error);
        job.reject(error);
        goOn();
      },
    );
  }

  /** A production run: pruned where that can be, else dense. */
  async #answered(run: Run, signal: AbortSignal): Promise<Ran> {
    const startedAt = performance.now();
    const done = (outputs: readonly Tensor[], more: Partial<Ran> = {}): Ran => ({
      outputs,
      histograms: [],
      retained: [],
      measureMs: 0,
      inferMs: performance.now() - startedAt,
      ...more,
    });
    const { thresholds } = run;
    if (thresholds === undefined || this.#model.sites.length === 0) {
      const outputs = await this.#plain(run, signal);
      this.#identity.offer({ inputs: run.inputs, thresholds: undefined, answer: outputs });
      return done(outputs);
    }
    const pruned = await this.#pruned(run, thresholds, signal);
    if (typeof pruned !== 'string' && pruned.every(isFiniteTensor)) {
      this.#identity.offer({ inputs: run.inputs, thresholds, answer: pruned });
      return done(pruned);
    }
    const outputs = await this.#plain(run, signal);
    const missing = typeof pruned === 'string' ? { missing: pruned } : {};
    return done(outputs, { denseInstead: { isFinite: outputs.every(isFiniteTensor), ...missing } });
  }

  /** The instrumented model's answer; a sentence: why there is none. */
  async #pruned(
    run: Run,
    thresholds: Float32Array,
    signal: AbortSignal,
  ): Promise<readonly Tensor[] | string> {
    const { standing } = this.#identity;
    if (standing.kind !== 'trusted') return standing.reason;
    try {
      return await this.#ask(run, this.#model.pruning, thresholds, [], signal);
    } catch (error) {
      if (!(error instanceof UpstreamFault) || error.kind === 'cancelled' || error.kind === 'late')
        throw error;
      // A refused request says nothing of the model.
      if (error.kind !== 'invalid') this.#identity.doubt(error.message);
      this.#heed(error);
      return error.message;
    }
  }

  /** @throws UpstreamFault */
  async #plain(run: Run, signal: AbortSignal): Promise<readonly Tensor[]> {
    try {
      return await this.#ask(run, undefined, undefined, [], signal);
    } catch (error) {
      // Without a connection nothing was executed. It may have been closed while it was idle.
      if (!(error instanceof UpstreamFault) || error.kind !== 'unreached') throw error;
      return this.#ask(run, undefined, undefined, [], signal);
    }
  }

  async #measured({ run, measure }: RunJob, signal: AbortSignal): Promise<Ran> {
    const startedAt = performance.now();
    const { sites, capability } = this.#model;
    const thresholds = sites.length === 0 ? undefined : run.thresholds;
    const isShown = capability.kind === 'full' && measure !== 'nothing';
    const gated = isShown ? this.#model.measuring : this.#model.pruning;
    const shown = thresholds === undefined || !isShown ? [] : shownBy(gated, sites);
    const tensors = await this.#ask(run, gated, thresholds, shown, signal);
    const inferMs = performance.now() - startedAt;
    const measured = isShown
      ? this.#measures(tensors.slice(run.outputs.length), run, gated, measure)
      : nothingMeasured(sites.length, measure);
    const outputs = tensors.slice(0, run.outputs.length);
    return { outputs, ...measured, inferMs, measureMs: performance.now() - startedAt - inferMs };
  }

  /** @param shown - of the sites, as the model shows them. @throws UpstreamFault */
  #measures(shown: readonly Tensor[], run: Run, gated: GatedModel | undefined, measure: Measure): Measured {
    const { sites, metadata } = this.#model;
    if (gated?.shows !== 'histograms') return measuredTaps(shown, { measure, thresholds: run.thresholds });
    const rows = gated.isPerRow ? rowsOf(metadata.inputs[0]?.name, run.inputs) : 1;
    return measuredRows(shown[0]!, rows, sites.length, measure);
  }

  /** @throws UpstreamFault */
  async #ask(
    { inputs, outputs, parameters, header }: Run,
    gated: GatedModel | undefined,
    thresholds: Float32Array | undefined,
    shown: readonly string[],
    signal: AbortSignal,
  ): Promise<Tensor[]> {
    const { names, metadata, measuring } = this.#model;
    const asked = shown.length === 0 ? outputs : [...outputs, ...shown];
    const measures = gated?.shows === 'histograms' && shown.length > 0;
    const answer = await this.#client.infer({
      model: thresholds === undefined ? names.name : gated!.name,
      inputs:
        thresholds === undefined
          ? inputs
          : [
              ...inputs,
              thresholdsFor(this.#model, gated!, thresholds, inputs),
              ...(measures ? [measureFor(this.#model, gated, inputs)] : []),
            ],
      outputs: asked,
      parameters: parameters === undefined ? undefined : passedOn(parameters),
      headers: header === undefined ? {} : this.#forwarded(header),
      signal,
    });
    // Thresholds per row are taken only where every output has a row for each of the inputs'.
    const hasRows = measuring?.isPerRow === true || gated?.isPerRow === true;
    const rows = hasRows ? rowsOf(metadata.inputs[0]?.name, inputs) : undefined;
    const checked = checkedAnswer(answer, asked, metadata.outputs, rows);
    if (!measures) for (const tap of checked.slice(outputs.length)) checkTap(tap, rows);
    return checked;
  }

  #forwarded(header: (name: string) => string | undefined): Headers {
    const headers: Record<string, string> = {};
    for (const name of this.#options.forwardHeaders) {
      const value = header(name);
      if (value !== undefined) headers[name] = value;
    }
    return headers;
  }

  /** What a failure says of the server. */
  #heed(error: unknown): void {
    if (!(error instanceof UpstreamFault)) return;
    const { kind, message } = error;
    if (kind === 'busy' || kind === 'unreached' || kind === 'lost' || kind === 'late') {
      const now = performance.now();
      if (now >= this.#pausedUntil) {
        this.#pausedUntil = now + this.#pauseMs;
        this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
      }
    }
    if (kind === 'unreached' || kind === 'lost' || kind === 'unknown') {
      // Whoever answers next may be another.
      this.#identity.doubt(message);
      if (kind === 'unreached') this.#setReadiness(message);
      void after(0).then(() => this.#look());
    }
  }

  #setReadiness(notReady: string | undefined): void {
    const hasChanged = (this.#notReady === undefined) !== (notReady === undefined);
    this.#notReady = notReady;
    if (hasChanged) this.#options.onReadiness?.(notReady);
  }

  /** Ends runs that take too long, asks whether the server is ready, and recognises its models where there is need. */
  async #look(): Promise<void> {
    const now = performance.now();
    for (const [controller, { startedAt }] of this.#running)
      if (now - startedAt > this.#options.maxRunMs) controller.abort(timedOut(this.#options.maxRunMs));
    if (this.#isLooking || this.#closed !== undefined) return;
    this.#isLooking = true;
    try {
      await this.#askReadiness();
      const isDue =
        !this.#identity.isTrusted || this.#identity.hasUnchecked || now - this.#checkedAt > CHECK_MS;
      if (this.#notReady === undefined && isDue) {
        await this.#identity.check(AbortSignal.timeout(this.#options.maxRunMs));
        this.#checkedAt = performance.now();
      }
    } finally {
      this.#isLooking = false;
    }
  }

  async #askReadiness(): Promise<void> {
    const { name, instrumented } = this.#model.names;
    const signal = AbortSignal.timeout(WATCH_TIMEOUT_MS);
    try {
      const isReady = await this.#client.isReady(name, signal);
      this.#setReadiness(isReady ? undefined : `upstream: model '${name}' is not ready`);
      if (instrumented === undefined || this.#model.sites.length === 0) return;
      if (!(await this.#client.isReady(instrumented, signal)))
        this.#identity.doubt(`upstream: model '${instrumented}' is not ready`);
    } catch (error) {
      const { message } = error as Error;
      this.#setReadiness(message);
      this.#identity.doubt(message);
    }
  }
}

/** Names of the outputs that tell of the sites. */
function shownBy(gated: GatedModel | undefined, sites: UpstreamModel['sites']): readonly string[] {
  return gated?.shows === 'histograms' ? [HISTOGRAMS_OUTPUT] : sites.map(({ tap }) => tap);
}

/** Parameters that are answered here. */
const OWN_PARAMETERS: ReadonlySet<string> = new Set(['pruning', 'binary_data_output']);

function passedOn(parameters: Parameters): Parameters {
  for (const name in parameters)
    if (OWN_PARAMETERS.has(name))
      return Object.fromEntries(Object.entries(parameters).filter(([key]) => !OWN_PARAMETERS.has(key)));
  return parameters;
}

/** What is measured of activations that the server does not show: as if there were none. */
function nothingMeasured(sites: number, measure: Measure): Pick<Ran, 'histograms' | 'retained'> {
  const none = (length: number) => Array.from({ length }, () => ({ count: 0, sum: 0 }));
  if (measure === 'nothing') return { histograms: [], retained: [] };
  if (measure === 'retained') return { histograms: [], retained: none(sites) };
  const histograms = Array.from({ length: sites }, emptyHistogram);
  return { histograms, retained: measure === 'histogram' ? [] : none(measure.tallyAt.length) };
}

function checkTap({ name, datatype, shape }: Tensor, rows: number | undefined): void {
  if (datatype !== 'FP32' && datatype !== 'FP16')
    throw new UpstreamFault(
      'failed',
      `upstream: wrong answer: '${name}' is ${datatype}, expected FP32 or FP16`,
    );
  if (rows !== undefined && shape[0] !== rows)
    throw new UpstreamFault(
      'failed',
      `upstream: wrong answer: '${name}' has ${shape[0]} rows, expected ${rows}`,
    );
}

function timedOut(limitMs: number): DOMException {
  return new DOMException(`no answer within ${limitMs} ms`, 'TimeoutError');
}
