import { searchName } from '../../control/phases/shared-state.ts';
import type { ControllerState } from '../../control/phases/state.ts';
import type { ShadowSample } from '../shadow-run.ts';
import type { Pace } from './pace.ts';
import { encodeEvidence, type SeenComparison } from './records.ts';
import { encodeSlice, type SharedSlice, SliceBuffer } from './slice-record.ts';

/** Comparisons, or tests, of one record at most: when the store is out of reach, what is older than so many records is lost. */
const MOST_IN_RECORD = 512;

type Result = readonly [rung: number, loss: number];

/** What a replica has seen and not yet told. Times are on a clock that only goes forward. */
export class Outbox {
  readonly slice = new SliceBuffer();
  readonly #replica: string;
  readonly #pace: Pace;
  #sequences = { evidence: 0, slices: 0 };
  #epoch = 0;
  #search: string | null = null;
  #comparisons: SeenComparison[] = [];
  #tests: Result[] = [];
  #pilot: Result[] = [];
  #since: number | null = null;

  constructor(replica: string, pace: Pace) {
    this.#replica = replica;
    this.#pace = pace;
  }

  get size(): number {
    return this.#comparisons.length + this.#tests.length + this.#pilot.length;
  }

  /** What was seen in another epoch, or of another search, says nothing any more. */
  follow(state: ControllerState): void {
    const { epoch } = state;
    const search = searchName(state);
    if (epoch !== this.#epoch) {
      this.#comparisons = [];
      this.slice.clear();
    }
    if (epoch !== this.#epoch || search !== this.#search) {
      this.#tests = [];
      this.#pilot = [];
    }
    this.#epoch = epoch;
    this.#search = search;
    if (this.size === 0) this.#since = null;
  }

  compared({ comparisons, place }: ShadowSample, nowMs: number): void {
    for (const { threshold, comparison, isDue } of comparisons)
      if (comparison !== null)
        this.#comparisons.push({ threshold, loss: comparison.loss, isDue, place: place ?? null });
    this.#comparisons = this.#comparisons.slice(-MOST_IN_RECORD);
    if (this.#comparisons.length > 0) this.#since ??= nowMs;
  }

  /** A pruned answer that was not finite. */
  lost(threshold: number, nowMs: number): void {
    this.#comparisons.push({ threshold, loss: 1, isDue: true, place: null });
    this.#since ??= nowMs;
  }

  tested(rung: number, loss: number, nowMs: number): void {
    this.#tests.push([rung, loss]);
    if (this.#tests.length > MOST_IN_RECORD) this.#tests.shift();
    this.#since ??= nowMs;
  }

  piloted(rung: number, loss: number, nowMs: number): void {
    this.#pilot.push([rung, loss]);
    if (this.#pilot.length > MOST_IN_RECORD) this.#pilot.shift();
    this.#since ??= nowMs;
  }

  /** The evidence, if it is time to tell it, or somebody waits for it. It is told once; null: nothing is. */
  takeEvidence(nowMs: number, isUrgent: boolean): Uint8Array | null {
    const since = this.#since;
    if (since === null || (!isUrgent && nowMs - since < this.#pace.evidenceMs(since))) return null;
    const record = encodeEvidence({
      replica: this.#replica,
      sequence: ++this.#sequences.evidence,
      epoch: this.#epoch,
      search: this.#search,
      comparisons: this.#comparisons,
      tests: this.#tests,
      pilot: this.#pilot,
    });
    this.#comparisons = [];
    this.#tests = [];
    this.#pilot = [];
    this.#since = null;
    return record;
  }

  /** The same of samples. O(bins · sites). */
  takeSlice(nowMs: number): { readonly slice: SharedSlice; readonly record: Uint8Array } | null {
    const { since } = this.slice;
    if (since === null || nowMs - since < this.#pace.sliceMs(since)) return null;
    const slice = this.slice.take();
    if (slice === null) return null;
    const sequence = ++this.#sequences.slices;
    const record = encodeSlice({ ...slice, replica: this.#replica, sequence, epoch: this.#epoch });
    return { slice, record };
  }
}
