import { areCompanions } from './batch.ts';
import type { Rider } from './rider.ts';

/** Riders that will share one run. */
export interface Batch {
  readonly riders: Rider[];
  /** Rows of all of them; one that goes alone has none. */
  rows: number;
  /** It has waited as long as it may for more riders. */
  isOver: boolean;
}

/**
 * Batches in the making, oldest first. Every rider joins the oldest batch that has room for it and holds its companions.
 */
export class BatchQueue {
  readonly #maxRows: number;
  #batches: Batch[] = [];
  #riders = 0;

  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  /** Riders that wait. */
  get riders(): number {
    return this.#riders;
  }

  add(rider: Rider): Batch {
    this.#riders++;
    const found =
      rider.rows === undefined ? undefined : this.#batches.find((batch) => this.#fits(rider, batch));
    if (found !== undefined) {
      found.riders.push(rider);
      found.rows += rider.rows!;
      return found;
    }
    const batch = { riders: [rider], rows: rider.rows ?? 0, isOver: rider.rows === undefined };
    this.#batches.push(batch);
    return batch;
  }

  /** Puts riders before all others, each to go alone. */
  putFirst(riders: readonly Rider[]): void {
    this.#riders += riders.length;
    this.#batches.unshift(...riders.map((rider) => ({ riders: [rider], rows: 0, isOver: true })));
  }

  remove(rider: Rider): void {
    const batch = this.#batches.find(({ riders }) => riders.includes(rider));
    if (batch === undefined) return;
    this.#riders--;
    batch.riders.splice(batch.riders.indexOf(rider), 1);
    batch.rows -= rider.rows ?? 0;
    if (batch.riders.length === 0) this.#batches = this.#batches.filter((other) => other !== batch);
  }

  /** Takes the oldest batch that is full or has waited long enough. */
  take(): Batch | undefined {
    const at = this.#batches.findIndex((batch) => batch.isOver || batch.rows >= this.#maxRows);
    if (at < 0) return undefined;
    const [batch] = this.#batches.splice(at, 1);
    this.#riders -= batch!.riders.length;
    return batch;
  }

  /** Nobody waits for more riders any longer. */
  stopWaiting(): void {
    for (const batch of this.#batches) batch.isOver = true;
  }

  #fits(rider: Rider, { riders, rows }: Batch): boolean {
    return rows > 0 && rows + rider.rows! <= this.#maxRows && areCompanions(rider.run, riders[0]!.run);
  }
}
