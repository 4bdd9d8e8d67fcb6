import type { Unit } from '../control/guard/blocks.ts';
import { type PlacedRequest, requestCorrelation } from '../estimator/request-correlation.ts';
import type { RequestSummary } from '../estimator/summary.ts';
import { hashToUnit } from './sampler.ts';

/** A request's place among those of its stream. */
export interface StreamPlace {
  /** Number of the stream; 0: of all requests that name none. */
  readonly stream: number;
  /** Requests of the stream before it. */
  readonly index: number;
}

/** What is known of how requests of one stream resemble each other. */
export interface StreamReading {
  /** So many requests in a row are worth one. */
  readonly correlationTime: number;
  /** So many requests count as one; 1: each counts. */
  readonly blockRequests: number;
}

/** The latest samples that are compared with each other; how many there must be, and after how many more they are compared anew. */
const LATEST = 512;
const LEAST = 128;
const EVERY = 64;
/** The largest of so many estimates counts: samples that happen to be of few scenes show no difference between scenes. */
const ESTIMATES = 8;
/** Streams that are told apart at the same time, at most: those that were seen last. */
const MOST_STREAMS = 4096;

/** A correlation time below this is none. */
const CORRELATED = 1.3;
/** A block holds so many correlation times, of which the last is left out as evidence. */
const BLOCK_TIMES = 4;
const GAP_SHARE = 1 / 3;
/** Requests of a block, at most: traffic that goes on being the same for longer is taken to change by then. */
const MOST_REQUESTS = 512;

/** Which requests belong together: it counts those of every stream, and measures over how many of them they resemble each other. */
export class Streams {
  readonly #counts = new Map<number, number>();
  readonly #onChange: ((reading: StreamReading) => void) | undefined;
  #latest: PlacedRequest[] = [];
  #estimates: number[] = [];
  #seen = 0;
  #reading: StreamReading;

  /**
   * @param blockRequests - as it was known before a restart.
   * @param onChange - told when the length of a block is another than before.
   */
  constructor(blockRequests = 1, onChange?: (reading: StreamReading) => void) {
    this.#reading = { correlationTime: Math.max(1, blockRequests / BLOCK_TIMES), blockRequests };
    this.#onChange = onChange;
  }

  get reading(): StreamReading {
    return this.#reading;
  }

  /** The place of the next request. O(length of the name). @param name - of its stream; undefined: it names none. */
  next(name: string | undefined): StreamPlace {
    const stream = name === undefined ? 0 : 1 + 2 ** 32 * hashToUnit(name);
    const index = this.#counts.get(stream) ?? 0;
    this.#counts.delete(stream);
    this.#counts.set(stream, index + 1);
    if (this.#counts.size > MOST_STREAMS) this.#counts.delete(this.#counts.keys().next().value!);
    return { stream, index };
  }

  /** Takes in what a sampled request of the traffic was like. */
  add(place: StreamPlace, summary: RequestSummary): void {
    this.#latest.push({ ...place, summary });
    if (this.#latest.length > LATEST) this.#latest.shift();
    this.#seen++;
    if (this.#seen % EVERY !== 0 || this.#latest.length < LEAST) return;
    this.#estimates = [...this.#estimates.slice(1 - ESTIMATES), requestCorrelation(this.#latest)];
    const correlationTime = Math.max(...this.#estimates);
    const before = this.#reading.blockRequests;
    const blockRequests = blockOf(correlationTime, before);
    this.#reading = { correlationTime, blockRequests };
    if (blockRequests !== before) this.#onChange?.(this.#reading);
  }

  isFirstOfBlock({ index }: StreamPlace): boolean {
    return index % this.#reading.blockRequests === 0;
  }

  /** What a request counts with; undefined: by itself. */
  unitOf({ stream, index }: StreamPlace): Unit | undefined {
    const { blockRequests } = this.#reading;
    if (blockRequests === 1) return undefined;
    const evidence = blockRequests - Math.floor(GAP_SHARE * blockRequests);
    return {
      stream,
      block: Math.floor(index / blockRequests),
      left: evidence - 1 - (index % blockRequests),
    };
  }
}

/** A block is as long as it was while the measured length is about the same: an estimate is noisy. */
const ABOUT = 1.25;

function blockOf(time: number, before: number): number {
  if (time < CORRELATED) return 1;
  const block = Math.min(MOST_REQUESTS, Math.ceil(BLOCK_TIMES * time));
  return before > 1 && block < ABOUT * before && before < ABOUT * block ? before : block;
}
