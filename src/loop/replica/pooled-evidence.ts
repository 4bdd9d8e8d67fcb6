import { messageOf } from '../../config/errors.ts';
import type { ControlEvent } from '../../control/phases/event.ts';
import { searchName } from '../../control/phases/shared-state.ts';
import { isSearched } from '../../control/phases/state.ts';
import type { ControlLoop } from '../control-loop.ts';
import { hashToUnit } from '../sampler.ts';
import type { Step } from '../step.ts';
import type { StreamPlace } from '../streams.ts';
import { DealtRequests } from './dealt-requests.ts';
import type { DecisionMemory } from './decision-record.ts';
import { Inbox } from './inbox.ts';
import type { Lease, LeaseOptions } from './lease.ts';
import type { News } from './news.ts';
import { decodeEvidence } from './records.ts';
import { decodeSlice, type SharedSlice } from './slice-record.ts';

/** Slices that are left in the store, at most. */
export const SLICES_LEFT = 256;
/** Records that are read at a time, and reads in a row. */
const READ_RECORDS = 256;
const MOST_READS = 16;

export interface PooledEvidenceOptions extends Pick<LeaseOptions, 'store' | 'group' | 'id'> {
  /** Gated sites of the model. */
  readonly sites: number;
  readonly lease: Lease;
  readonly news: News;
  readonly loop: () => ControlLoop;
  /** Called when evidence was taken in. */
  readonly onTaken: () => void;
}

/** What the others have seen, as the replica that decides adds it to its own: each record once. */
export class PooledEvidence {
  readonly #options: PooledEvidenceOptions;
  readonly #dealt = new DealtRequests();
  #areAlike = false;
  #inbox = new Inbox();
  #cursors: { evidence: string | null; slices: string | null } = { evidence: null, slices: null };
  #isTaking = false;

  constructor(options: PooledEvidenceOptions) {
    this.#options = options;
  }

  /** Whether replicas see the same scenes, as who decides knows it: then only its own evidence counts. */
  get areAlike(): boolean {
    return this.#areAlike;
  }

  /** Whether what the loop hears now is another replica's. */
  get isTaking(): boolean {
    return this.#isTaking;
  }

  /** What the next one that decides needs to know. */
  get memory(): Omit<DecisionMemory, 'reference'> {
    return { evidence: this.#cursors.evidence, taken: this.#inbox.taken };
  }

  /** Goes on from what another replica has taken, with the window that all have filled. @throws what the store throws. */
  async resume(memory: DecisionMemory | null): Promise<void> {
    this.#inbox = new Inbox(memory?.taken);
    this.#cursors = { evidence: memory?.evidence ?? null, slices: null };
    await this.#listenToSlices(true);
  }

  /** Takes in what is new. @throws what the store throws. */
  async listen(): Promise<void> {
    const { store, group, lease, onTaken } = this.#options;
    await this.#listenToSlices(false);
    for (let i = 0; i < MOST_READS; i++) {
      const records = await store.read(group, 'evidence', this.#cursors.evidence, READ_RECORDS);
      if (!lease.decides()) return;
      for (const { id, record } of records) {
        this.#cursors.evidence = id;
        this.#take('evidence', () => this.#takeEvidence(record));
      }
      if (records.length > 0) onTaken();
      if (records.length < READ_RECORDS) return;
    }
  }

  /** Looks whether replicas see the same scenes: then what the others have seen is not taken for more than there is. */
  deal(replica: string, { requests }: SharedSlice): void {
    const { news, loop, lease } = this.#options;
    this.#dealt.add(replica, requests);
    if (this.#dealt.areAlike === this.#areAlike) return;
    this.#areAlike = this.#dealt.areAlike;
    const [verb, evidence] = this.#areAlike ? ['', 'only what this one sees'] : ['do not ', 'all they see'];
    news.tell('alike', `requests at different replicas ${verb}resemble each other: ${evidence} is evidence`);
    const again = this.#areAlike ? testsAnew(loop(), lease.wallMs) : null;
    if (again !== null) loop().receive(again);
  }

  follow({ before, after }: Step): void {
    if (before.epoch !== after.epoch) this.#dealt.reset();
  }

  async #listenToSlices(isOld: boolean): Promise<void> {
    const { store, group, lease } = this.#options;
    const most = isOld ? SLICES_LEFT : READ_RECORDS;
    const records = await store.read(group, 'slices', this.#cursors.slices, most);
    if (!lease.decides()) return;
    for (const { id, record } of records) {
      this.#cursors.slices = id;
      this.#take('slices', () => this.#takeSlice(record, isOld));
    }
  }

  /** What cannot be read is refused. */
  #take(log: 'evidence' | 'slices', take: () => void): void {
    this.#isTaking = true;
    try {
      take();
    } catch (error) {
      this.#options.news.refuse(log, messageOf(error));
    } finally {
      this.#isTaking = false;
    }
  }

  #takeEvidence(bytes: Uint8Array): void {
    const { id, lease } = this.#options;
    const loop = this.#options.loop();
    const { replica, sequence, epoch, search, comparisons, tests, pilot } = decodeEvidence(bytes);
    if (!this.#inbox.take(replica, sequence) || replica === id || this.#areAlike) return;
    const at = lease.wallMs;
    const isOfEpoch = () => epoch === loop.state.epoch;
    const isOfSearch = () => isOfEpoch() && search === searchName(loop.state);
    for (const { place, ...seen } of comparisons) {
      if (!isOfEpoch()) break;
      const unit = place === null ? undefined : loop.streams.unitOf(placeOf(replica, place));
      loop.receive({ kind: 'comparison', at, ...seen, ...(unit && { unit }) });
    }
    for (const [rung, loss] of tests)
      if (isOfSearch()) loop.receive({ kind: 'tested', at, rung, input: -1, loss });
    for (const [rung, loss] of pilot) {
      if (!isOfSearch()) break;
      loop.ladder.piloted(rung, loss);
      loop.ladder.pumpSoon();
    }
  }

  #takeSlice(bytes: Uint8Array, isOld: boolean): void {
    const { id, sites } = this.#options;
    const loop = this.#options.loop();
    const slice = decodeSlice(bytes, sites);
    if (!this.#inbox.take(`slices of ${slice.replica}`, slice.sequence) && !isOld) return;
    if (slice.replica === id || slice.epoch !== loop.state.epoch) return;
    if (!isOld) this.deal(slice.replica, slice);
    const told = placed(slice.replica, slice);
    if (isOld) loop.estimation.refill(told);
    else loop.takeSlice(told);
  }
}

/** Streams of different replicas are different streams. */
function placeOf(replica: string, { stream, index }: StreamPlace): StreamPlace {
  return { stream: 1 + 2 ** 32 * hashToUnit(`${replica} ${stream}`), index };
}

function placed(replica: string, { at, sites, requests }: SharedSlice) {
  const summaries = requests.map(({ summary }) => summary);
  const places = requests.map(({ place }) => place && placeOf(replica, place));
  return { at, sites, summaries, places };
}

/** What was proven on kept inputs is not: its tests begin anew. Null: there are none. */
function testsAnew({ state, ladder }: ControlLoop, at: number): ControlEvent | null {
  const tests = isSearched(state.phase) ? state.phase.search.tests : null;
  return tests?.kind === 'tested'
    ? { kind: 'respaced', at, next: ladder.kept.end, every: tests.every }
    : null;
}
