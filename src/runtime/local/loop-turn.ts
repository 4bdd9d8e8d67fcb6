/** How long the present turn of the event loop has been handling requests. */
export class LoopTurn {
  #startedAt: number | undefined;

  /** Milliseconds since this was first asked in the present turn; 0 the first time. */
  lasted(now: number): number {
    if (this.#startedAt === undefined) {
      this.#startedAt = now;
      setImmediate(() => {
        this.#startedAt = undefined;
      });
    }
    return now - this.#startedAt;
  }
}
