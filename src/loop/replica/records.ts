import { isThreshold } from '../../store/choice.ts';
import type { StreamPlace } from '../streams.ts';

/** Grows when records change; replicas of another form do not share. */
export const RECORD_FORM = 1;

/** A comparison as another replica saw it. */
export interface SeenComparison {
  readonly threshold: number;
  /** 0–1. */
  readonly loss: number;
  readonly isDue: boolean;
  /** Its place among the requests of its stream at that replica; null: it resembles no other. */
  readonly place: StreamPlace | null;
}

/** What one replica has seen since its last record. */
export interface EvidenceRecord {
  readonly replica: string;
  /** 1, 2, … of this replica: a record that comes twice counts once. */
  readonly sequence: number;
  /** The controller's epoch: evidence of an older one is refused. */
  readonly epoch: number;
  /** The search that tests and pilot are of; null: none. */
  readonly search: string | null;
  readonly comparisons: readonly SeenComparison[];
  /** Rung and loss, 0–1, of tests on kept inputs. */
  readonly tests: readonly (readonly [rung: number, loss: number])[];
  /** The same of what the pilot asked. */
  readonly pilot: readonly (readonly [rung: number, loss: number])[];
}

/** A record as bytes: JSON, with arrays in place of objects. */
export function encodeEvidence(record: EvidenceRecord): Uint8Array {
  const { replica, sequence, epoch, search, comparisons, tests, pilot } = record;
  const compared = comparisons.map(({ threshold, loss, isDue, place }) => [
    threshold,
    loss,
    isDue ? 1 : 0,
    ...(place === null ? [] : [place.stream, place.index]),
  ]);
  return new TextEncoder().encode(
    JSON.stringify([RECORD_FORM, replica, sequence, epoch, search, compared, tests, pilot]),
  );
}

/** @throws Error that says what is wrong: anybody may write to a store. */
export function decodeEvidence(bytes: Uint8Array): EvidenceRecord {
  const value = parsed(bytes);
  if (!Array.isArray(value) || value.length !== 8) throw new Error('it is no record of evidence');
  const [form, replica, sequence, epoch, search, compared, tests, pilot] = value as unknown[];
  if (form !== RECORD_FORM) throw new Error(`its form is ${form}, not ${RECORD_FORM}`);
  if (!isName(replica)) throw new Error('it names no replica');
  if (!isNumber(sequence, 1) || !isNumber(epoch, 0)) throw new Error('its sequence or epoch is no number');
  if (search !== null && typeof search !== 'string') throw new Error('its search has no name');
  if (!Array.isArray(compared) || !Array.isArray(tests) || !Array.isArray(pilot))
    throw new Error('it is no record of evidence');
  return {
    replica,
    sequence,
    epoch,
    search,
    comparisons: compared.map(comparisonIn),
    tests: tests.map(resultIn),
    pilot: pilot.map(resultIn),
  };
}

function comparisonIn(value: unknown): SeenComparison {
  const [threshold, loss, isDue, stream, index] = Array.isArray(value) ? (value as unknown[]) : [];
  if (!isThreshold(threshold) || !isLoss(loss) || (isDue !== 0 && isDue !== 1))
    throw new Error('one of its comparisons is none');
  const place = placeIn(stream, index);
  return { threshold, loss, isDue: isDue === 1, place };
}

/** @throws Error for a place that is none. */
export function placeIn(stream: unknown, index: unknown): StreamPlace | null {
  if (stream === undefined && index === undefined) return null;
  const isStream = typeof stream === 'number' && stream >= 0 && Number.isFinite(stream);
  if (!isStream || !isNumber(index, 0)) throw new Error('the place of a request is none');
  return { stream, index };
}

function resultIn(value: unknown): readonly [number, number] {
  const [rung, loss] = Array.isArray(value) ? (value as unknown[]) : [];
  if (!isNumber(rung, 0) || !isLoss(loss)) throw new Error('one of its tests is none');
  return [rung, loss];
}

function isLoss(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1;
}

export function isNumber(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

/** Names of replicas are short. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 200;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(bytes));
  } catch {
    throw new Error('it is not JSON');
  }
}
