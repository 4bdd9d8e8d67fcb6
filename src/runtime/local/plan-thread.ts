import { Worker } from 'node:worker_threads';
import { workerFlags } from '../../config/worker-flags.ts';
import type { FromPlanner, PlanSetup, ToPlanner } from './plan-messages.ts';

/** The compiled file; sources (tests) use it too. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/runtime/local/plan-worker.js' : './plan-worker.js',
  import.meta.url,
);

type Kind = FromPlanner['kind'];
type Answer<K extends Kind> = Extract<FromPlanner, { kind: K }>;

/** A thread that times sparse forms of a model, one request at a time. */
export class PlanThread {
  readonly #worker: Worker;
  #waiting: ((message: FromPlanner) => void) | undefined;
  #hasEnded = false;

  private constructor(setup: PlanSetup) {
    this.#worker = new Worker(WORKER, { workerData: setup, execArgv: workerFlags() });
    this.#worker.on('message', (message: FromPlanner) => this.#settle(message));
    this.#worker.on('error', (error) => this.#end(error.message));
    this.#worker.on('exit', () => this.#end('the thread ended'));
  }

  /** @throws Error when the thread cannot open the model. */
  static async open(setup: PlanSetup): Promise<{ thread: PlanThread; model: Answer<'ready'> }> {
    const thread = new PlanThread(setup);
    return { thread, model: await thread.#next('ready') };
  }

  /** @throws Error when the sparse form cannot be run. */
  round(question: Omit<Extract<ToPlanner, { kind: 'round' }>, 'kind'>): Promise<Answer<'round'>> {
    this.#worker.postMessage({ kind: 'round', ...question } satisfies ToPlanner);
    return this.#next('round');
  }

  /** The model with a set of layers sparse, in shared memory. */
  rewrite(set: readonly number[]): Promise<Answer<'rewritten'>> {
    this.#worker.postMessage({ kind: 'rewrite', set } satisfies ToPlanner);
    return this.#next('rewritten');
  }

  /** Ends the thread after the run under way: terminating it inside ONNX Runtime would end the process. */
  close(): void {
    this.#worker.unref();
    this.#worker.postMessage({ kind: 'stop' } satisfies ToPlanner);
    this.#end('the plan was given up');
  }

  #next<K extends Kind>(kind: K): Promise<Answer<K>> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) {
        reject(new Error('the thread has ended'));
        return;
      }
      this.#waiting = (message) => {
        if (message.kind === kind) resolve(message as Answer<K>);
        else reject(new Error(message.kind === 'failed' ? message.message : `unexpected '${message.kind}'`));
      };
    });
  }

  #settle(message: FromPlanner): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(message);
  }

  #end(message: string): void {
    this.#hasEnded = true;
    this.#settle({ kind: 'failed', message });
  }
}
