import type { Unit } from '../control/guard/blocks.ts';
import { blockCorrelation } from '../estimator/block-correlation.ts';
import { type PlacedRequest, requestCorrelation } from '../estimator/request-correlation.ts';
import type { RequestSummary } from '../estimator/summary.ts';
import type { Tensor } from '../protocol/types.ts';
import { AnswerSeries } from './answer-series.ts';
import { hashToUnit } from './sampler.ts';

/** A request's place among those of its stream. */
export interface StreamPlace {
  /** Number of the stream; 0: of all requests that name none. */
  readonly stream: number;
  /** Requests of the stream before it. */
  readonly index: number;
}

/** Whether a request says which stream it is of. */
export function isOfNamed({ stream }: StreamPlace): boolean {
  return stream !== 0;
}

/** What is known of how requests of one stream resemble each other. */
export interface StreamReading {
  /** So many requests in a row are worth one. */
  readonly correlationTime: number;
  /** So many requests count as one; 1: each counts. */
  readonly blockRequests: number;
}

/** The latest samples of one stream that are compared with each other. */
const LATEST = 512;
/** With many streams more samples are looked at, so that there are enough of one stream: so many of each, and so many of all at most. */
const OF_EACH = 4;
const MOST_LATEST = 4096;
/** How many samples there must be, and after how many more they are compared anew. */
const LEAST = 128;
const EVERY = 64;
/** The largest of so many estimates counts: samples that happen to be of few scenes show no difference between scenes. */
const ESTIMATES = 8;
/** Samples by which a shift is noticed, if it is: so long what production is watched by takes a new resemblance for one. */
const NOTICED = 256;
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
  readonly #least: number;
  #latest: PlacedRequest[] = [];
  #estimates: number[] = [];
  #seen = 0;
  /** Of requests without a name. */
  readonly #answers = new AnswerSeries();
  #reading: StreamReading;
  /** Requests that count as one where production is watched. */
  #watched: number;
  /** Samples since a longer block was measured than the one that production is watched by. */
  #risenFor = 0;
  readonly #isPruned: () => boolean;
  /** Somebody else measures for all. */
  #isHeld = false;

  /**
   * @param blockRequests - as it was known before a restart.
   * @param onChange - told when the length of a block is another than before.
   * @param firstSamples - samples after which a search may begin: by then a first estimate is made.
   * @param isPruned - whether any of production is.
   */
  constructor(
    blockRequests = 1,
    onChange?: (reading: StreamReading) => void,
    firstSamples = LEAST,
    isPruned = () => false,
  ) {
    const known = Math.min(MOST_REQUESTS, blockRequests);
    const correlationTime = Math.max(1, known / BLOCK_TIMES);
    this.#reading = { correlationTime, blockRequests: known };
    if (known > 1) this.#estimates = [correlationTime];
    this.#watched = known;
    this.#isPruned = isPruned;
    this.#onChange = onChange;
    this.#least = Math.min(LEAST, firstSamples);
  }

  get reading(): StreamReading {
    return this.#reading;
  }

  /**
   * So many requests count as one for the guard and for drift. While production is pruned, a shift that nobody has noticed yet looks like a long
   * resemblance, and is not to make those comparisons rare by which it would be noticed: a longer block than before is taken on
   * once there were so many samples that it would have been.
   */
  get watchedBlock(): number {
    return this.#watched;
  }

  /** Whether enough was seen to tell streams that take turns without a name from independent requests. */
  get isTelling(): boolean {
    return this.#isHeld || this.#answers.isTelling;
  }

  /** The place of the next request. O(length of the name). @param name - of its stream; undefined: it names none. */
  next(name: string | undefined): StreamPlace {
    const stream = name === undefined ? 0 : 1 + 2 ** 32 * hashToUnit(name);
    if (name !== undefined) this.#answers.passed();
    const index = this.#counts.get(stream) ?? 0;
    this.#counts.delete(stream);
    this.#counts.set(stream, index + 1);
    if (this.#counts.size > MOST_STREAMS) this.#counts.delete(this.#counts.keys().next().value!);
    return { stream, index };
  }

  /** Another replica measures for all: what it has found holds, until `release`. */
  hold(blockRequests: number): void {
    this.#isHeld = true;
    this.#watched = blockRequests;
    this.#risenFor = 0;
    if (blockRequests === this.#reading.blockRequests) return;
    const correlationTime = Math.max(1, blockRequests / BLOCK_TIMES);
    this.#reading = { correlationTime, blockRequests };
    this.#estimates = blockRequests > 1 ? [correlationTime] : [];
    this.#answers.restart(correlationTime);
    this.#onChange?.(this.#reading);
  }

  /** Measures again, beginning with what is known. */
  release(): void {
    this.#isHeld = false;
  }

  /** Takes in an answer of production to a request without a name: all of them are told, in order. */
  answered(outputs: readonly Tensor[]): void {
    if (!this.#isHeld && this.#answers.add(outputs)) this.#read();
  }

  /** Production is at another threshold: answers before it are not compared with those after it. */
  beginAnswers(): void {
    this.#answers.begin();
  }

  /** Takes in what a sampled request of the traffic was like. */
  add(place: StreamPlace, summary: RequestSummary): void {
    if (this.#isHeld) return;
    if (this.#risenFor > 0) this.#risenFor++;
    this.#watch();
    this.#latest.push({ ...place, summary });
    this.#seen++;
    if (this.#seen !== this.#least && (this.#seen % EVERY !== 0 || this.#seen < this.#least)) return;
    this.#latest = lookedAt(this.#latest);
    const [near, far] = [requestCorrelation(this.#latest), blockCorrelation(this.#latest)];
    // Too few pairs of requests say nothing, and not that none resemble each other.
    if (near === null && far === null) return;
    this.#estimates = [...this.#estimates.slice(1 - ESTIMATES), Math.max(near ?? 1, far ?? 1)];
    this.#read();
  }

  #read(): void {
    const correlationTime = Math.max(this.#answers.time, ...this.#estimates);
    const before = this.#reading.blockRequests;
    const blockRequests = blockOf(correlationTime, before);
    this.#reading = { correlationTime, blockRequests };
    this.#watch();
    if (blockRequests !== before) this.#onChange?.(this.#reading);
  }

  #watch(): void {
    const { blockRequests } = this.#reading;
    const isRisen = blockRequests > this.#watched && this.#isPruned();
    if (isRisen && this.#risenFor <= NOTICED) {
      this.#risenFor ||= 1;
      return;
    }
    this.#watched = blockRequests;
    this.#risenFor = 0;
  }

  /**
   * Other traffic begins: a shift makes all that is before it resemble each other, and all that is after. The latest samples are
   * forgotten, and so is what was measured that may have been the shift: the latest estimate, or a longer block that production
   * was not watched by yet. What was known before holds until there are enough.
   */
  restart(): void {
    this.#latest = [];
    this.#seen = 0;
    const known = this.#risenFor > 0 ? Math.max(1, this.#watched / BLOCK_TIMES) : null;
    this.#answers.restart(known);
    if (this.#isHeld) return;
    if (known !== null) this.#estimates = [known];
    else if (this.#estimates.length > 1) this.#estimates.pop();
    this.#read();
  }

  /** How far apart requests of one stream are that hardly resemble each other, in requests: a block without its last correlation time. */
  get spacing(): number {
    return Math.ceil((1 - 1 / BLOCK_TIMES) * this.#reading.blockRequests);
  }

  isFirstOfBlock({ index }: StreamPlace): boolean {
    return index % this.#reading.blockRequests === 0;
  }

  /** What a request counts with; undefined: by itself. */
  unitOf({ stream, index }: StreamPlace): Unit | undefined {
    const blockRequests = this.#watched;
    if (blockRequests === 1) return undefined;
    const evidence = blockRequests - Math.floor(GAP_SHARE * blockRequests);
    return {
      stream,
      block: Math.floor(index / blockRequests),
      left: evidence - 1 - (index % blockRequests),
    };
  }
}

/** The latest samples, of each stream so many at most, and of all the more the more streams there are. O(samples). */
function lookedAt(samples: readonly PlacedRequest[]): PlacedRequest[] {
  const streams = new Set(samples.map(({ stream }) => stream)).size;
  const most = Math.min(MOST_LATEST, Math.max(LATEST, OF_EACH * streams));
  const counts = new Map<number, number>();
  return samples
    .slice(-most)
    .toReversed()
    .filter(({ stream }) => {
      const count = (counts.get(stream) ?? 0) + 1;
      counts.set(stream, count);
      return count <= LATEST;
    })
    .toReversed();
}

/** A block is as long as it was while the measured length is about the same: an estimate is noisy. */
const ABOUT = 1.25;

function blockOf(time: number, before: number): number {
  if (time < CORRELATED) return 1;
  const block = Math.min(MOST_REQUESTS, Math.ceil(BLOCK_TIMES * time));
  return before > 1 && block < ABOUT * before && before < ABOUT * block ? before : block;
}
