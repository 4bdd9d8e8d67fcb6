/** What a loop reads the time from; a replay brings its own. */
export interface Clock {
  /** Unix milliseconds, as somebody may set them. */
  readonly wallMs: () => number;
  /** Milliseconds that only go forward. */
  readonly monotonicMs: () => number;
  /** Calls again and again, so many milliseconds apart, until what it returns is called; absent: whoever replays calls. */
  readonly every?: (ms: number, call: () => void) => () => void;
}

export const SYSTEM_CLOCK: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  every: (ms, call) => {
    const timer = setInterval(call, ms).unref();
    return () => clearInterval(timer);
  },
};
