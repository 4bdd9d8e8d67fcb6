/** Time that the present turn of the event loop has spent on requests. */
export class EventLoopTurn {
  #startedAt: number | undefined;

  /** Milliseconds since the first call in the present turn; 0 at the first. */
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
