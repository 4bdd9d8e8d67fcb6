import cluster, { type Worker } from 'node:cluster';
import type { Logger } from 'pino';
import { messageOf } from '../../config/errors.ts';
import { Asking } from '../../store/shared/asking.ts';
import { offerStore } from '../../store/shared/linked-store.ts';
import { MemoryStore } from '../../store/shared/memory-store.ts';
import { answerWithin } from '../../store/time-limit.ts';
import { addedUp, type MetricsOfProcess, remainsOf } from '../../telemetry/metrics.ts';
import { FIRST, MARK, OTHERS_SERVE, type Served, servingWords } from './worker.ts';

/** Pauses before a process that has ended is started again: from the first to the longest. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A process that has served for so long is healthy: its next end is taken for the first. */
const HEALTHY_MS = 60_000;
/** A process that does not tell its metrics in time is shown as it was. */
const COLLECT_MS = 2000;

/** One place among the processes, and what runs there. */
interface Place {
  worker: Worker;
  asking: Asking;
  /** As it was told last. */
  metrics: MetricsOfProcess;
  startedAt: number;
  /** Ends in a row that came too soon. */
  failures: number;
  served: Served | null;
  withdraw: () => void;
}

/**
 * Runs a command in several processes that listen on the same ports, and share what they learn; each is started again when it
 * ends. Returns when all have ended after a signal, or one cannot be started at all.
 *
 * @returns exit code.
 */
export class Processes {
  readonly #log: Logger;
  readonly #store = new MemoryStore();
  readonly #places: Place[] = [];
  readonly #pauses = new Set<NodeJS.Timeout>();
  /** Of processes that have ended. */
  #departed: MetricsOfProcess = [];
  #count = 1;
  #isStopping = false;
  #hasServed = false;
  #code = 0;
  #end: (code: number) => void = () => undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  run(count: number): Promise<number> {
    cluster.setupPrimary({ serialization: 'advanced' });
    const ended = new Promise<number>((resolve) => {
      this.#end = resolve;
    });
    // The first one tells whether there is anything to serve.
    this.#count = count;
    this.#places.push(this.#start(0));
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => {
        this.#log.info({ signal }, 'draining: every process finishes its running requests');
        this.#stop();
      });
    return ended;
  }

  #start(failures: number): Place {
    const othersServe = this.#places.some(({ served, worker }) => served !== null && !worker.isDead());
    const worker = cluster.fork({ [MARK]: othersServe ? OTHERS_SERVE : FIRST });
    const asking = new Asking({
      send: (message) => void worker.send(message, () => undefined),
      onMessage: (listener) => worker.on('message', listener),
    });
    const place: Place = {
      worker,
      asking,
      metrics: [],
      startedAt: performance.now(),
      failures,
      served: null,
      withdraw: offerStore(this.#store, asking),
    };
    asking.answer('metrics', () => this.#metrics());
    asking.answer('change', (what: string, model: string) => this.#change(what, model));
    asking.hear('serving', (served: Served) => this.#serves(place, served));
    // A process that ends while it is told something: its end is seen to below.
    worker.on('error', () => undefined);
    worker.once('exit', (code, signal) => void this.#ended(place, code, signal));
    return place;
  }

  #serves(place: Place, served: Served): void {
    place.served = served;
    const { pid } = place.worker.process;
    if (this.#hasServed) {
      this.#log.info({ process: pid }, 'the process serves again');
      return;
    }
    while (this.#places.length < this.#count) this.#places.push(this.#start(0));
    const all = this.#places.flatMap((other) => other.served ?? []);
    if (all.length < this.#count) return;
    this.#hasServed = true;
    const { isServing: _, ...told } = served;
    const isServing = all.every((other) => other.isServing);
    this.#log.info({ ...told, processes: this.#count }, servingWords(isServing));
  }

  async #ended(place: Place, code: number | null, signal: string | null): Promise<void> {
    place.withdraw();
    place.asking.end('the process has ended');
    this.#departed = await addedUp([this.#departed, remainsOf(place.metrics)]);
    place.metrics = [];
    const { pid } = place.worker.process;
    const hasServed = this.#hasServed || place.served !== null;
    if (this.#isStopping || !hasServed) {
      // What cannot be started at all has said why.
      if (code !== 0) this.#code ||= code ?? 1;
      if (!this.#isStopping) this.#stop();
      if (this.#places.every(({ worker }) => worker.isDead())) this.#end(this.#code);
      return;
    }
    const isHealthy = performance.now() - place.startedAt >= HEALTHY_MS;
    const failures = isHealthy ? 0 : place.failures;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
    this.#log.error({ process: pid, code, signal, pauseMs }, 'a process has ended, and is started again');
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      this.#places[this.#places.indexOf(place)] = this.#start(failures + 1);
    }, pauseMs);
    this.#pauses.add(pause);
  }

  #stop(): void {
    this.#isStopping = true;
    for (const pause of this.#pauses) clearTimeout(pause);
    const alive = this.#places.filter(({ worker }) => !worker.isDead());
    for (const { asking } of alive) asking.tell('drain', null);
    if (alive.length === 0) this.#end(this.#code);
  }

  get #alive(): Place[] {
    return this.#places.filter(({ worker }) => worker.isConnected());
  }

  async #metrics(): Promise<readonly MetricsOfProcess[]> {
    await Promise.all(
      this.#alive.map(async (place) => {
        const told = answerWithin(COLLECT_MS, place.asking.ask('collect'));
        place.metrics = await told.then((metrics) => metrics as MetricsOfProcess).catch(() => place.metrics);
      }),
    );
    return [...this.#places.map(({ metrics }) => metrics), this.#departed].filter(({ length }) => length > 0);
  }

  /** In every process, one after the other, so that some of them answer all the time. @throws what the first throws. */
  async #change(what: string, model: string): Promise<void> {
    let problem: unknown;
    for (const { asking } of this.#alive)
      await asking.ask('change here', what, model).catch((error: unknown) => {
        problem ??= error;
      });
    if (problem === undefined) return;
    this.#log.warn({ model, error: messageOf(problem) }, `not every process could ${what} the model`);
    throw problem;
  }
}
