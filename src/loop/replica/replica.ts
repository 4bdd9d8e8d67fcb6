import { messageOf } from '../../config/errors.ts';
import type { ControlEvent } from '../../control/phases/event.ts';
import { comparedThreshold } from '../../control/phases/production.ts';
import { searchName, seenOnce } from '../../control/phases/shared-state.ts';
import type { Change, ControllerState, ControlOptions, Withheld } from '../../control/phases/state.ts';
import type {
  Group,
  Pulse,
  SharedChoice,
  SharedDecision,
  SharedMember,
  SharedMessage,
  SharedStore,
} from '../../store/shared/shared-store.ts';
import type { Clock } from '../clock.ts';
import type { ControlLoop } from '../control-loop.ts';
import type { Asked, SharedPilot } from '../pilot-questions.ts';
import { hashToUnit } from '../sampler.ts';
import type { ShadowSample } from '../shadow-run.ts';
import type { Sharing } from '../sharing.ts';
import { type Step, stepped } from '../step.ts';
import type { StreamPlace } from '../streams.ts';
import { DealtRequests } from './dealt-requests.ts';
import { decodeMemory, decodeState, encodeDecision } from './decision-record.ts';
import { Inbox } from './inbox.ts';
import { LocalGuard, withheldWords } from './local-guard.ts';
import { Outbox } from './outbox.ts';
import { Pace } from './pace.ts';
import { decodeEvidence } from './records.ts';
import { decodeSlice, type SharedSlice } from './slice-record.ts';

/** How often there is something to do. */
export const TICK_MS = 100;
/** Records that are left in the store, at most. */
const EVIDENCE_LEFT = 4096;
const SLICES_LEFT = 256;
/** Records that are read at a time, and reads in a row. */
const READ_RECORDS = 256;
const MOST_READS = 16;

export interface ReplicaOptions {
  readonly store: SharedStore;
  readonly group: Group;
  /** Its name; another process has another, a restarted one too. */
  readonly id: string;
  /** Gated sites of the model. */
  readonly sites: number;
  readonly control: ControlOptions;
  readonly clock: Clock;
  /** How long a replica decides without a sign of life. */
  readonly leaseMs: number;
  /** How long a replica stays pruned while nobody decides, or the store is out of reach. */
  readonly denseAfterMs: number;
  /** How long slices of a window are worth something. */
  readonly windowMs: number;
  /** What the others are told of this replica beside; plain JSON. */
  readonly about?: Readonly<Record<string, unknown>>;
  /** An operator's choice, made here or elsewhere, is to be taken. */
  readonly onChoice: (choice: SharedChoice) => void;
  /** What is worth a line of the log. */
  readonly onNews?: (news: ReplicaNews) => void;
}

export type ReplicaNews =
  | { readonly kind: 'decides' | 'follows'; readonly detail: string }
  | { readonly kind: 'lost' | 'back' | 'refused' | 'alike'; readonly detail: string };

/** What a replica does for the others. */
export type Role = 'decides' | 'follows' | 'alone';

/**
 * One replica of several that learn together through a store. One of them holds a lease and decides: it folds the evidence of all.
 * The others follow: they tell what they see, and take its decisions. Whoever it is, each is dense at once where its own answers
 * are in doubt, or where it has not heard of a decision for too long.
 */
export class Replica implements Sharing {
  readonly pilot: SharedPilot;
  readonly #options: ReplicaOptions;
  readonly #pace: Pace;
  readonly #outbox: Outbox;
  readonly #guard: LocalGuard;
  #loop: ControlLoop | undefined;
  #stop: (() => void) | undefined;
  #unsubscribe: (() => void) | undefined;
  #role: Role = 'alone';
  /** Until then, on the clock that only goes forward, nobody else decides. */
  #leaseUntil = Number.NEGATIVE_INFINITY;
  #beatAt = Number.NEGATIVE_INFINITY;
  /** When somebody was last known to decide. */
  #heardAt = Number.NEGATIVE_INFINITY;
  #pulse: Pulse | null = null;
  /** The store's clock less the one that only goes forward, in milliseconds; null: not known yet. */
  #aheadMs: number | null = null;
  #revision = 0;
  #hasAdopted = false;
  #choice = 0;
  /** A choice that is still to be told. */
  #offered: { readonly choice: string; readonly at: number } | null = null;
  #asked: Asked | null = null;
  /** The latest change of what all do; null: none was heard of. */
  #sharedChange: Change | null = null;
  readonly #dealt = new DealtRequests();
  #areAlike = false;
  #inbox = new Inbox();
  #cursors: { evidence: string | null; slices: string | null } = { evidence: null, slices: null };
  #isDirty = false;
  #isUrgent = false;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #isBusy = false;
  #isAgain = false;
  /** An event of another replica is folded. */
  #isForeign = false;
  #problem: string | null = null;
  #isClosed = false;
  readonly #refused = new Map<string, string>();

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#pace = new Pace(options.id, options.leaseMs, () => this.replicas);
    this.#outbox = new Outbox(options.id);
    this.#guard = new LocalGuard(options.control);
    this.pilot = {
      replicas: () => this.replicas,
      decides: this.decides,
      asked: () => (this.#pace.answersPilot ? this.#asked : null),
      asks: (asked) => {
        this.#asked = asked;
        this.#changed();
      },
      piloted: (rung, loss) => {
        this.#outbox.piloted(rung, loss, this.#nowMs);
        if (this.#outbox.size >= (this.#asked?.inputs ?? 1)) this.#soon();
      },
    };
  }

  get id(): string {
    return this.#options.id;
  }

  get role(): Role {
    return this.#role;
  }

  /** Replicas that share, this one included. */
  get replicas(): number {
    return Math.max(1, this.#pulse?.replicas ?? 1);
  }

  /** The replica that decides; null: none, or not known. */
  get decider(): string | null {
    return this.#problem === null ? (this.#pulse?.decider ?? null) : null;
  }

  /** What is wrong with the store; null: nothing. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Whether replicas see the same scenes, as who decides knows it: then only its own evidence counts. */
  get areAlike(): boolean {
    return this.#areAlike;
  }

  /** The latest decision that it knows. */
  get revision(): number {
    return this.#revision;
  }

  /** Sequence of the operator's choice that it has taken. */
  get choice(): number {
    return this.#choice;
  }

  /** Records that were refused: by whom, and why. */
  get refused(): ReadonlyMap<string, string> {
    return this.#refused;
  }

  /** Unix milliseconds by the store's clock; by this machine's until that is known. */
  get wallMs(): number {
    return this.#aheadMs === null ? this.#options.clock.wallMs() : Math.floor(this.#nowMs + this.#aheadMs);
  }

  readonly decides = (): boolean => this.#role === 'decides' && this.#nowMs < this.#leaseUntil;

  /** Begins to share. The loop was given this replica. */
  attach(loop: ControlLoop): void {
    const { store, group, clock } = this.#options;
    this.#loop = loop;
    this.#sharedChange = loop.state.change;
    loop.steps$.subscribe((step) => this.#follow(step));
    this.#unsubscribe = store.subscribe(group, (message) => this.#heard(message));
    this.#stop = clock.every?.(TICK_MS, () => void this.tick());
    this.#reconsider();
    this.#soon();
  }

  /** The replicas of the model, of whatever group. @throws what the store throws. */
  members(): Promise<readonly SharedMember[]> {
    const { store, group } = this.#options;
    return store.members(group.model, this.#pace.aliveMs);
  }

  /** The operator's choice reaches all replicas, this one included. @throws what the store throws; it is then told later. */
  async choose(choice: string): Promise<SharedChoice> {
    const { store, group } = this.#options;
    const at = this.wallMs;
    this.#offered = null;
    try {
      const chosen = await store.choose(group.model, choice, null);
      this.#take(chosen);
      return chosen;
    } catch (error) {
      this.offer(choice, at);
      throw error;
    }
  }

  /** A choice that was made at some time is told once the store can be reached, unless a later one is there. */
  offer(choice: string, at: number): void {
    this.#offered = { choice, at };
    this.#soon();
  }

  /** Gives the lease and its place back. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stop?.();
    this.#unsubscribe?.();
    const { store, group, id } = this.#options;
    try {
      if (this.decides()) await this.#write();
      await store.leave(group, id);
    } catch {
      // Without it, the lease and the place end by themselves.
    }
  }

  // What the loop asks.

  fold(before: ControllerState, event: ControlEvent, options: ControlOptions): Step {
    if (event.kind === 'adopted' || event.kind === 'withheld' || event.kind === 'mode')
      return stepped(before, event, options);
    if (!this.#isForeign) this.#guarded(before, event);
    const isOfThisMachine =
      event.kind === 'uncompared' || (event.kind === 'failure' && (event.isOwn === true || !this.decides()));
    if (isOfThisMachine) return { event, before, after: before };
    if (this.decides()) return stepped(before, event, options);
    if (event.kind === 'time') {
      const { gated: _, ...own } = event;
      return stepped(before, { ...own, isKept: true }, options);
    }
    if (event.kind !== 'tested') return { event, before, after: before };
    this.#outbox.tested(event.rung, event.loss, this.#nowMs);
    const after = seenOnce(before, event);
    return { event: { kind: 'adopted', at: event.at, state: after }, before, after };
  }

  lost(threshold: number): void {
    if (!this.decides()) this.#outbox.lost(threshold, this.#nowMs);
  }

  sampled(sample: ShadowSample): void {
    this.#guard.ran();
    if (!this.decides()) this.#outbox.compared(sample, this.#nowMs);
    if (!sample.isExtra) this.#outbox.slice.add(sample.histograms, sample.place, this.wallMs, this.#nowMs);
    this.#reconsider();
  }

  // What time brings.

  /** Does what is due. Never throws; one at a time. */
  async tick(): Promise<void> {
    if (this.#isBusy) {
      this.#isAgain = true;
      return;
    }
    this.#isBusy = true;
    try {
      do {
        this.#isAgain = false;
        await this.#work();
      } while (this.#isAgain && !this.#isClosed);
    } catch (error) {
      this.#isLost(messageOf(error));
    } finally {
      this.#isBusy = false;
    }
    this.#reconsider();
  }

  #soon(): void {
    this.#isUrgent = true;
    if (this.#loop !== undefined && !this.#isClosed) void this.tick();
  }

  async #work(): Promise<void> {
    const isUrgent = this.#isUrgent;
    this.#isUrgent = false;
    if (this.#isClosed) return;
    if (this.#offered !== null) await this.#tellOffered(this.#offered);
    if (this.#nowMs - this.#beatAt >= this.#pace.beatMs(this.#role === 'decides')) await this.#beat();
    await this.#tell(isUrgent);
    if (!this.decides()) return;
    await this.#listen();
    const isDue = this.#isDirty && this.#nowMs - this.#writtenAt >= this.#pace.writeMs;
    if (this.#hasChanged || isDue) await this.#write();
  }

  async #tellOffered(offered: { readonly choice: string; readonly at: number }): Promise<void> {
    const { store, group } = this.#options;
    const latest = await store.choose(group.model, offered.choice, offered.at);
    if (this.#offered === offered) this.#offered = null;
    this.#take(latest);
  }

  /** Signs of life: this one's, and what it learns of the others. */
  async #beat(): Promise<void> {
    const { store, group, id, leaseMs } = this.#options;
    const sentAt = this.#nowMs;
    this.#beatAt = sentAt;
    const mayDecide = this.#guard.withheld !== 'failure' || this.replicas === 1;
    const pulse = await store.beat({
      group,
      replica: id,
      about: JSON.stringify(this.#about),
      aliveMs: this.#pace.aliveMs,
      leaseMs: mayDecide ? leaseMs : 0,
      revision: this.#revision,
    });
    this.#isWell();
    this.#pulse = pulse;
    this.#aheadMs = pulse.nowMs - (sentAt + this.#nowMs) / 2;
    if (pulse.choice > this.#choice) {
      const choice = await store.choice(group.model);
      if (choice !== null) this.#take(choice);
    }
    if (pulse.decider === id) {
      this.#leaseUntil = sentAt + leaseMs;
      if (!mayDecide) await store.resign(group, id);
      else if (this.#role !== 'decides' || pulse.revision > this.#revision) await this.#takeOver(pulse);
    } else await this.#followOn(pulse);
    if (pulse.decider !== null && this.#hasAdopted) this.#heardAt = this.#nowMs;
  }

  /** Nobody else decides from now on: goes on from the latest decision, with the window that all have filled. */
  async #takeOver(pulse: Pulse): Promise<void> {
    const { store, group, id } = this.#options;
    const latest = await store.decision(group);
    const memory = latest === null ? null : decodeMemory(latest.memory);
    if (latest !== null) this.#adopt(latest);
    this.#inbox = new Inbox(memory?.taken);
    this.#cursors = { evidence: memory?.evidence ?? null, slices: null };
    this.#role = 'decides';
    this.#hasAdopted = true;
    this.#revision = Math.max(this.#revision, pulse.revision);
    this.#asked = null;
    this.#loop?.lead(memory?.reference);
    await this.#listenToSlices(true);
    this.#changed();
    this.#news('decides', `this replica decides for all ${pulse.replicas} from now on, as ${id}`);
  }

  async #followOn(pulse: Pulse): Promise<void> {
    const { store, group } = this.#options;
    const { decider } = pulse;
    if (this.#role !== 'follows' && decider !== null) {
      this.#role = 'follows';
      this.#news('follows', `${decider} decides for all ${pulse.replicas}`);
    }
    if (decider === null) this.#role = 'alone';
    this.#leaseUntil = Number.NEGATIVE_INFINITY;
    if (pulse.revision <= this.#revision && this.#hasAdopted) return;
    const latest = await store.decision(group);
    if (latest !== null) this.#adopt(latest);
  }

  /** Takes a decision, unless it is older than what is known: that of one which did not know yet that another decides. */
  #adopt(decision: SharedDecision): void {
    if (decision.revision < this.#revision || (decision.revision === this.#revision && this.#hasAdopted))
      return;
    const { control } = this.#options;
    try {
      const shared = decodeState(decision.state, control);
      // Who decided it has not heard of the latest choice: that holds, and a decision that knows it will follow.
      if (shared.choice < this.#choice) return;
      this.#revision = decision.revision;
      this.#hasAdopted = true;
      this.#asked = shared.asked;
      const state = this.#withOwnWords(shared.state);
      this.#loop?.adopt({ ...shared, state });
    } catch (error) {
      this.#refuse('decision', `revision ${decision.revision}: ${messageOf(error)}`);
    }
  }

  /** The latest change of all is told once: what this replica has said of itself since stays its latest. */
  #withOwnWords(shared: ControllerState): ControllerState {
    const isKnown = JSON.stringify(shared.change) === JSON.stringify(this.#sharedChange);
    this.#sharedChange = shared.change;
    return isKnown ? { ...shared, change: this.#loop!.state.change } : shared;
  }

  async #tell(isUrgent: boolean): Promise<void> {
    const { store, group, leaseMs, windowMs } = this.#options;
    const { since, slice } = this.#outbox;
    const isDue = since !== null && this.#nowMs - since >= this.#pace.evidenceMs(since);
    if (since !== null && (isDue || isUrgent)) {
      const record = this.#outbox.takeEvidence();
      const options = { most: EVIDENCE_LEFT, keepMs: Math.max(60_000, 4 * leaseMs), isUrgent };
      if (record !== null && !this.decides()) await store.append(group, 'evidence', record, options);
    }
    if (slice.since === null || this.#nowMs - slice.since < this.#pace.sliceMs(slice.since)) return;
    const taken = this.#outbox.takeSlice();
    if (taken === null) return;
    if (this.decides()) this.#deal(this.id, taken.slice);
    const options = { most: SLICES_LEFT, keepMs: windowMs, isUrgent: false };
    await store.append(group, 'slices', taken.record, options);
  }

  /** Takes in what the others have seen. */
  async #listen(): Promise<void> {
    const { store, group } = this.#options;
    await this.#listenToSlices(false);
    for (let i = 0; i < MOST_READS; i++) {
      const records = await store.read(group, 'evidence', this.#cursors.evidence, READ_RECORDS);
      if (!this.decides()) return;
      for (const { id, record } of records) {
        this.#cursors.evidence = id;
        this.#takeEvidence(record);
      }
      if (records.length > 0) this.#isDirty = true;
      if (records.length < READ_RECORDS) return;
    }
  }

  async #listenToSlices(isOld: boolean): Promise<void> {
    const { store, group } = this.#options;
    const { slices } = this.#cursors;
    const records = await store.read(group, 'slices', slices, isOld ? SLICES_LEFT : READ_RECORDS);
    if (!this.decides()) return;
    for (const { id, record } of records) {
      this.#cursors.slices = id;
      this.#takeSlice(record, isOld);
    }
  }

  #takeEvidence(bytes: Uint8Array): void {
    const loop = this.#loop!;
    try {
      const { replica, sequence, epoch, search, comparisons, tests, pilot } = decodeEvidence(bytes);
      if (!this.#inbox.take(replica, sequence) || replica === this.id || this.#areAlike) return;
      const at = this.wallMs;
      const isOf = () => epoch === loop.state.epoch;
      this.#asForeign(() => {
        for (const { place, ...seen } of comparisons)
          if (isOf()) loop.compareShared({ at, ...seen }, placeOf(replica, place));
        for (const [rung, loss] of tests)
          if (isOf() && search === searchName(loop.state))
            loop.receive({ kind: 'tested', at, rung, input: -1, loss });
        for (const [rung, loss] of pilot)
          if (isOf() && search === searchName(loop.state)) loop.piloted(rung, loss);
      });
    } catch (error) {
      this.#refuse('evidence', messageOf(error));
    }
  }

  #takeSlice(bytes: Uint8Array, isOld: boolean): void {
    const loop = this.#loop!;
    try {
      const slice = decodeSlice(bytes, this.#options.sites);
      if (!this.#inbox.take(`slices of ${slice.replica}`, slice.sequence) && !isOld) return;
      if (slice.replica === this.id || slice.epoch !== loop.state.epoch) return;
      if (!isOld) this.#deal(slice.replica, slice);
      this.#asForeign(() => loop.takeSlice(placed(slice.replica, slice), isOld));
    } catch (error) {
      this.#refuse('slices', messageOf(error));
    }
  }

  /** Looks whether replicas see the same scenes: then what the others have seen is not taken for more than there is. */
  #deal(replica: string, { requests }: SharedSlice): void {
    this.#dealt.add(replica, requests);
    if (this.#dealt.areAlike === this.#areAlike) return;
    this.#areAlike = this.#dealt.areAlike;
    if (this.#areAlike) {
      this.#news(
        'alike',
        'requests at different replicas resemble each other: only what this one sees is evidence',
      );
      this.#loop?.proveAnew();
    } else
      this.#news(
        'alike',
        'requests at different replicas do not resemble each other: all they see is evidence',
      );
  }

  #asForeign(take: () => void): void {
    this.#isForeign = true;
    try {
      take();
    } finally {
      this.#isForeign = false;
    }
  }

  async #write(): Promise<void> {
    const { store, group, id } = this.#options;
    const loop = this.#loop!;
    this.#isDirty = false;
    this.#hasChanged = false;
    this.#writtenAt = this.#nowMs;
    const revision = Math.max(this.#revision, this.#pulse?.revision ?? 0) + 1;
    const change = this.#sharedChange ?? loop.state.change;
    const state = {
      ...loop.judging,
      state: { ...loop.state, change },
      choice: this.#choice,
      asked: this.#asked,
    };
    const { reference } = loop.resumePoint;
    const memory = { reference, evidence: this.#cursors.evidence, taken: this.#inbox.taken };
    if (await store.decide(group, id, encodeDecision(revision, state, memory))) {
      this.#revision = Math.max(this.#revision, revision);
      return;
    }
    this.#role = 'alone';
    this.#leaseUntil = Number.NEGATIVE_INFINITY;
    this.#beatAt = Number.NEGATIVE_INFINITY;
    this.#hasAdopted = false;
    this.#news('follows', `decision ${revision} was refused: another replica decides`);
    this.#isAgain = true;
  }

  // What it hears, and what it makes of it.

  #heard(message: SharedMessage): void {
    if (this.#isClosed) return;
    if (message.kind === 'choice') this.#take(message);
    else if (message.kind === 'evidence') {
      if (this.decides()) this.#soon();
    } else if (!this.decides() && message.revision > this.#revision) {
      void this.#fetch();
    }
  }

  async #fetch(): Promise<void> {
    const { store, group } = this.#options;
    try {
      const latest = await store.decision(group);
      if (latest !== null && !this.decides()) this.#adopt(latest);
    } catch {
      // The next beat asks again.
    }
    this.#reconsider();
  }

  /** An operator's choice, which comes once by whatever way. */
  #take(choice: SharedChoice): void {
    if (choice.sequence <= this.#choice) return;
    this.#choice = choice.sequence;
    this.#options.onChoice(choice);
    this.#changed();
    // So that who has chosen knows.
    this.#beatAt = Number.NEGATIVE_INFINITY;
    this.#soon();
  }

  #hasChanged = false;

  /** There is something to tell at once. */
  #changed(): void {
    if (this.#role !== 'decides') return;
    this.#hasChanged = true;
    this.#soon();
  }

  #follow({ event, before, after }: Step): void {
    if (before === after) return;
    if (event.kind !== 'withheld' && event.kind !== 'adopted' && before.change !== after.change)
      this.#sharedChange = after.change;
    this.#outbox.follow(after);
    this.#guard.follow(comparedThreshold(after), before.epoch !== after.epoch);
    if (before.epoch !== after.epoch) this.#dealt.reset();
    this.#isDirty = true;
    if (before.change !== after.change) this.#changed();
    this.#reconsider();
  }

  /** What this replica's own events say of its own answers. */
  #guarded(before: ControllerState, event: ControlEvent): void {
    if (event.kind === 'comparison' && event.threshold === comparedThreshold(before))
      this.#guard.compared(event.loss, event.unit, event.isDue);
    else if (event.kind === 'uncompared') this.#guard.uncompared();
    else if (event.kind === 'failure') this.#guard.failed();
    else return;
    this.#reconsider();
  }

  /** Dense where the own answers are in doubt, or nobody has been heard to decide for too long. */
  #reconsider(): void {
    const loop = this.#loop;
    if (loop === undefined || this.#isClosed) return;
    const withheld = this.#withheld;
    if (withheld === this.#wanted) return;
    this.#wanted = withheld;
    queueMicrotask(() => {
      if (this.#isClosed || loop.state.withheld === this.#wanted) return;
      const detail = withheldWords(this.#wanted, this.#silence);
      loop.receive({ kind: 'withheld', at: this.wallMs, withheld: this.#wanted, detail });
      this.#beatAt = Number.NEGATIVE_INFINITY;
      this.#soon();
    });
  }

  #wanted: Withheld | undefined = 'unshared';

  get #withheld(): Withheld | undefined {
    const { denseAfterMs } = this.#options;
    const isStale = this.#nowMs - this.#heardAt > denseAfterMs;
    return this.#guard.withheld ?? (isStale ? 'unshared' : undefined);
  }

  /** Why nobody is heard to decide. */
  get #silence(): string {
    const why = this.#problem ?? 'no replica has decided';
    const seconds = Math.round(this.#options.denseAfterMs / 1000);
    return this.#hasAdopted ? `: for ${seconds} s ${why}` : ` until it has heard of the others: ${why}`;
  }

  #isWell(): void {
    if (this.#problem === null) return;
    this.#problem = null;
    this.#news('back', `${this.#options.store.place} answers again`);
  }

  #isLost(problem: string): void {
    if (this.#isClosed) return;
    const isNew = this.#problem === null;
    this.#problem = problem;
    if (isNew) this.#news('lost', problem);
  }

  #refuse(what: string, reason: string): void {
    const isNew = this.#refused.get(what) !== reason;
    this.#refused.set(what, reason);
    if (isNew) this.#news('refused', `${what} in ${this.#options.store.place} refused: ${reason}`);
  }

  #news(kind: ReplicaNews['kind'], detail: string): void {
    this.#options.onNews?.({ kind, detail });
  }

  get #about() {
    const { about } = this.#options;
    const { withheld } = this.#guard;
    return { ...about, revision: this.#revision, choice: this.#choice, withheld: withheld ?? null };
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

/** Streams of different replicas are different streams. */
function placeOf(replica: string, place: StreamPlace | null): StreamPlace | null {
  return place && { stream: 1 + 2 ** 32 * hashToUnit(`${replica} ${place.stream}`), index: place.index };
}

function placed(replica: string, { at, sites, requests }: SharedSlice) {
  const summaries = requests.map(({ summary }) => summary);
  const places = requests.map(({ place }) => placeOf(replica, place ?? null) ?? undefined);
  return { at, sites, summaries, places };
}
