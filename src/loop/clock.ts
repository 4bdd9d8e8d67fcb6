import { performance } from 'node:perf_hooks';
import { Processors, type ProcessorTime } from './processor-time.ts';

/** What a loop reads the time from; a replay brings its own. */
export interface Clock {
  /** Unix milliseconds, as somebody may set them. */
  readonly wallMs: () => number;
  /** Milliseconds that only go forward. */
  readonly monotonicMs: () => number;
  /** Calls again and again, so many milliseconds apart, until what it returns is called; absent: whoever replays calls. */
  readonly every?: (ms: number, call: () => void) => () => void;
  /** Idle time of the processors; absent, or undefined: not known, so that only what workers do counts. */
  readonly processors?: () => ProcessorTime | undefined;
  /** Milliseconds for which the thread that serves has waited for something to do, ever growing; absent: it always does. */
  readonly waitedMs?: () => number;
}

const processors = new Processors();

export const SYSTEM_CLOCK: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  every: (ms, call) => {
    const timer = setInterval(call, ms).unref();
    return () => clearInterval(timer);
  },
  processors: () => processors.read(),
  waitedMs: () => performance.eventLoopUtilization().idle,
};
