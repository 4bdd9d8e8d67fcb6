import { canShareRun } from './batch.ts';
import type { BatchRequest } from './batch-request.ts';

/** Requests that will share one run. */
export interface Batch {
  readonly requests: BatchRequest[];
  /** Sum of their rows; 0 for a request that must run alone. */
  rows: number;
  /** It may start, having waited long enough. Requests can join it until it does. */
  isDue: boolean;
}

/**
 * Batches that wait to start, oldest first. A request joins the oldest batch that it can share a run with and that has room.
 */
export class BatchQueue {
  readonly #maxRows: number;
  #batches: Batch[] = [];
  #size = 0;

  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  /** Number of waiting requests. */
  get size(): number {
    return this.#size;
  }

  add(request: BatchRequest): Batch {
    this.#size++;
    const found =
      request.rows === undefined ? undefined : this.#batches.find((batch) => this.#fits(request, batch));
    if (found !== undefined) {
      found.requests.push(request);
      found.rows += request.rows!;
      return found;
    }
    const batch = { requests: [request], rows: request.rows ?? 0, isDue: request.rows === undefined };
    this.#batches.push(batch);
    return batch;
  }

  /** Puts requests before all others, each to run alone. */
  putFirst(requests: readonly BatchRequest[]): void {
    this.#size += requests.length;
    this.#batches.unshift(...requests.map((request) => ({ requests: [request], rows: 0, isDue: true })));
  }

  remove(request: BatchRequest): void {
    const batch = this.#batches.find(({ requests }) => requests.includes(request));
    if (batch === undefined) return;
    this.#size--;
    batch.requests.splice(batch.requests.indexOf(request), 1);
    batch.rows -= request.rows ?? 0;
    if (batch.requests.length === 0) this.#batches = this.#batches.filter((other) => other !== batch);
  }

  /** Takes the oldest batch that is full or due. */
  take(): Batch | undefined {
    const at = this.#batches.findIndex((batch) => batch.isDue || batch.rows >= this.#maxRows);
    if (at < 0) return undefined;
    const [batch] = this.#batches.splice(at, 1);
    this.#size -= batch!.requests.length;
    return batch;
  }

  /** Lets all batches start without waiting for more requests. */
  makeAllDue(): void {
    for (const batch of this.#batches) batch.isDue = true;
  }

  #fits(request: BatchRequest, { requests, rows }: Batch): boolean {
    return rows > 0 && rows + request.rows! <= this.#maxRows && canShareRun(request.run, requests[0]!.run);
  }
}
