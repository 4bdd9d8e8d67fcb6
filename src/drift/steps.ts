/** Work that may pause after every step of it. */
export type Steps<T> = Generator<void, T, void>;

/** Numbers that one step goes through: some hundred microseconds in code that has never run before, a hundredth of it later. */
const NUMBERS = 2000;

/** Rows of so many numbers that make one step. */
export function rowsPerStep(length: number): number {
  return Math.max(1, Math.floor(NUMBERS / Math.max(1, length)));
}

/** All steps without a pause. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
