import { cpus } from 'node:os';
import { containerLimit, numbersIn } from '../config/cores.ts';

/** How long the processors that this process may use have been idle. */
export interface ProcessorTime {
  /** When it was read, in milliseconds, on a clock that only goes forward. */
  readonly atMs: number;
  /** Time of all processors together in milliseconds, ever growing. */
  readonly idleMs: number;
  readonly processors: number;
}

/** Time in milliseconds since whenever: only differences count. */
interface Counted {
  readonly idleMs: number;
  readonly processors: number;
}

/** The counters advance by 10 ms, and reading them costs tens of microseconds. */
const READ_EVERY_MS = 50;

/**
 * Idle time of the machine, or of the container's share of it where that is less.
 *
 * The threads of a server, its neighbours, and whoever load-tests it on the same machine all take processors: a worker that
 * waits for work may be waiting while none is free.
 */
export class Processors {
  readonly #counters: readonly (() => Counted | undefined)[];
  readonly #now: () => number;
  #last: readonly (Counted | undefined)[] = [];
  #time: ProcessorTime | undefined;

  /** @param counters - by default those of the operating system; one that gives undefined is not known here. */
  constructor(counters = [machine, container], now = () => performance.now()) {
    this.#counters = counters;
    this.#now = now;
  }

  /** @returns undefined where the operating system does not tell. */
  read(): ProcessorTime | undefined {
    const atMs = this.#now();
    if (this.#time !== undefined && atMs - this.#time.atMs < READ_EVERY_MS) return this.#time;
    const counted = this.#counters.map((counter) => counter());
    const idle = counted.flatMap((now, at) => {
      const before = this.#last[at];
      return now === undefined || before === undefined ? [] : Math.max(0, now.idleMs - before.idleMs);
    });
    const processors = counted.flatMap((now) => now?.processors ?? []);
    this.#last = counted;
    if (processors.length === 0) return undefined;
    const added = idle.length === 0 ? 0 : Math.min(...idle);
    this.#time = {
      atMs,
      idleMs: (this.#time?.idleMs ?? 0) + added,
      processors: Math.min(...processors),
    };
    return this.#time;
  }
}

const PROCESSORS = Math.max(1, cpus().length);

/** Linux tells the idle time of all processors in one line; elsewhere each is asked. */
function machine(): Counted | undefined {
  const [, seconds] = numbersIn('/proc/uptime');
  const idleMs =
    seconds === undefined ? cpus().reduce((sum, { times }) => sum + times.idle, 0) : 1000 * seconds;
  // Sandboxes that count nothing say 0.
  return idleMs > 0 ? { idleMs, processors: PROCESSORS } : undefined;
}

/** What a container's limit has left over, by the files of control groups, of either version; undefined: there is no limit. */
function container(): Counted | undefined {
  const limit = containerLimit();
  if (limit === undefined) return undefined;
  const [, microseconds] = numbersIn('/sys/fs/cgroup/cpu.stat');
  if (microseconds !== undefined) return leftOver(limit, microseconds);
  const [nanoseconds] = numbersIn('/sys/fs/cgroup/cpu/cpuacct.usage');
  return leftOver(limit, nanoseconds === undefined ? undefined : nanoseconds / 1000);
}

function leftOver(processors: number, usedMicroseconds: number | undefined): Counted | undefined {
  if (usedMicroseconds === undefined || !(processors > 0)) return undefined;
  return { idleMs: processors * performance.now() - usedMicroseconds / 1000, processors };
}
