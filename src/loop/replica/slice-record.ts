import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { NON_FINITE_BIN } from '../../estimator/bins.ts';
import { type ActivationHistogram, mergeAll, type SiteHistograms } from '../../estimator/histogram.ts';
import { type RequestSummary, summarize } from '../../estimator/summary.ts';
import type { StreamPlace } from '../streams.ts';
import { isName, isNumber, placeIn, RECORD_FORM } from './records.ts';

/** Sampled requests of one replica: what a window is made of. */
export interface SharedSlice {
  /** When the last of them was sampled. */
  readonly at: number;
  /** Magnitudes at every site, all requests added up. */
  readonly sites: SiteHistograms;
  readonly requests: readonly {
    readonly summary: RequestSummary;
    readonly place: StreamPlace | undefined;
    readonly at: number;
  }[];
}

export interface SliceRecord extends SharedSlice {
  readonly replica: string;
  /** As in evidence, with numbers of its own. */
  readonly sequence: number;
  readonly epoch: number;
}

/** Gathers sampled requests until they are told to the others. */
export class SliceBuffer {
  #sites: ActivationHistogram[] = [];
  #requests: SharedSlice['requests'][number][] = [];
  #since: number | null = null;

  get size(): number {
    return this.#requests.length;
  }

  /** When the first of them was added, on a clock that only goes forward; null: there is none. */
  get since(): number | null {
    return this.#since;
  }

  /** O(bins). @param nowMs - on a clock that only goes forward. */
  add(histograms: SiteHistograms, place: StreamPlace | undefined, at: number, nowMs: number): void {
    this.#since ??= nowMs;
    this.#sites = histograms.map((h, i) => (this.#sites[i] ? mergeAll([this.#sites[i]!, h]) : h));
    this.#requests.push({ summary: summarize(histograms), place, at });
  }

  /** All that was gathered; null: nothing. */
  take(): SharedSlice | null {
    const last = this.#requests.at(-1);
    const slice = last && { at: last.at, sites: this.#sites, requests: this.#requests };
    this.clear();
    return slice ?? null;
  }

  clear(): void {
    this.#sites = [];
    this.#requests = [];
    this.#since = null;
  }
}

/** Bytes of a length. */
const LENGTH_BYTES = 4;
/** A histogram takes 16 bytes a bin in memory, and a slice as many of them as the model has sites. */
const MOST_BYTES = 64 * 2 ** 20;

/** A slice as bytes: a line of JSON for the requests, then counts and residuals of every site, deflated. O(bins · sites). */
export function encodeSlice(record: SliceRecord): Uint8Array {
  const { replica, sequence, epoch, at, sites, requests } = record;
  const told = requests.map(({ summary, place, at: when }) => [
    summary,
    when,
    ...(place === undefined ? [] : [place.stream, place.index]),
  ]);
  const head = Buffer.from(JSON.stringify([RECORD_FORM, replica, sequence, epoch, at, told, sites.length]));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(head.length);
  const numbers = sites.flatMap(numbersOf);
  return deflateRawSync(Buffer.concat([length, head, varints(numbers)]), { level: 1 });
}

/** @throws Error that says what is wrong. @param expectedSites - of the model. */
export function decodeSlice(bytes: Uint8Array, expectedSites: number): SliceRecord {
  const plain = inflated(bytes);
  if (plain.length < LENGTH_BYTES) throw new Error('it is no slice');
  const end = LENGTH_BYTES + plain.readUInt32LE(0);
  const [form, replica, sequence, epoch, at, told, count] = headIn(plain.subarray(LENGTH_BYTES, end));
  if (form !== RECORD_FORM) throw new Error(`its form is ${form}, not ${RECORD_FORM}`);
  if (!isName(replica)) throw new Error('it names no replica');
  if (!isNumber(sequence, 1) || !isNumber(epoch, 0) || !isNumber(at, 0))
    throw new Error('its sequence, epoch or time is no number');
  if (count !== expectedSites) throw new Error(`it has ${count} sites, not ${expectedSites}`);
  if (!Array.isArray(told) || told.length === 0) throw new Error('it is of no request');
  const requests = told.map((one) => requestIn(one, expectedSites));
  return { replica, sequence, epoch, at, requests, sites: sitesIn(plain.subarray(end), expectedSites) };
}

function inflated(bytes: Uint8Array): Buffer {
  try {
    return inflateRawSync(bytes, { maxOutputLength: MOST_BYTES });
  } catch {
    throw new Error('it is no slice');
  }
}

function headIn(bytes: Uint8Array): unknown[] {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(bytes));
    if (Array.isArray(value)) return value;
  } catch {}
  throw new Error('it is no slice');
}

function requestIn(value: unknown, sites: number): SharedSlice['requests'][number] {
  const [summary, at, stream, index] = Array.isArray(value) ? (value as unknown[]) : [];
  const isSummary = Array.isArray(summary) && summary.length === 2 * sites && summary.every(Number.isFinite);
  if (!isSummary || !isNumber(at, 0)) throw new Error('one of its requests is none');
  return { summary: summary as number[], at, place: placeIn(stream, index) ?? undefined };
}

/** Zeros, non-finite, first bin, number of bins, then count and residual of each bin. */
function numbersOf({ offset, counts, residuals, zeros, nonFinite }: ActivationHistogram): number[] {
  const numbers = [zeros, nonFinite, offset, counts.length];
  for (let i = 0; i < counts.length; i++) numbers.push(counts[i]!, residuals[i]!);
  return numbers;
}

function sitesIn(bytes: Uint8Array, count: number): ActivationHistogram[] {
  const next = reader(bytes);
  return Array.from({ length: count }, () => {
    const [zeros, nonFinite, offset, bins] = [next(), next(), next(), next()];
    if (offset % 64 !== 0 || offset + bins > Math.ceil(NON_FINITE_BIN / 64) * 64)
      throw new Error('one of its histograms is none');
    const counts = new Float64Array(bins);
    const residuals = new Float64Array(bins);
    for (let i = 0; i < bins; i++) {
      counts[i] = next();
      residuals[i] = next();
    }
    return { offset, counts, residuals, zeros, nonFinite };
  });
}

/** Whole numbers from 0 below 2^53, seven bits a byte, the lowest first. */
function varints(numbers: readonly number[]): Buffer {
  const bytes: number[] = [];
  for (let x of numbers) {
    while (x >= 128) {
      bytes.push((x % 128) + 128);
      x = Math.floor(x / 128);
    }
    bytes.push(x);
  }
  return Buffer.from(bytes);
}

function reader(bytes: Uint8Array): () => number {
  let at = 0;
  return () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('it ends too soon');
      value += (byte & 127) * scale;
      if (!Number.isSafeInteger(value)) throw new Error('it holds a number that is too large');
      if (byte < 128) return value;
    }
  };
}
