/** What a loop reads the time from; a replay brings its own. */
export interface Clock {
  /** Unix milliseconds, as somebody may set them. */
  readonly wallMs: () => number;
  /** Milliseconds that only go forward. */
  readonly monotonicMs: () => number;
}

export const SYSTEM_CLOCK: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
