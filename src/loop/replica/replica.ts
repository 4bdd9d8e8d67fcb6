import { messageOf } from '../../config/errors.ts';
import type { ControlEvent } from '../../control/phases/event.ts';
import type { ControllerState, ControlOptions, Withheld } from '../../control/phases/state.ts';
import type { SharedChoice, SharedDecision, SharedMessage } from '../../store/shared/shared-store.ts';
import type { ControlLoop } from '../control-loop.ts';
import type { SharedPilot } from '../pilot-questions.ts';
import type { ShadowSample } from '../shadow-run.ts';
import type { Sharing } from '../sharing.ts';
import type { Step } from '../step.ts';
import { decodeMemory } from './decision-record.ts';
import { foldOfReplica } from './fold.ts';
import { LatestDecision } from './latest-decision.ts';
import { type Granted, Lease, type LeaseOptions } from './lease.ts';
import { News, type ReplicaNews } from './news.ts';
import { OperatorChoice } from './operator-choice.ts';
import { Outbox } from './outbox.ts';
import { PooledEvidence, SLICES_LEFT } from './pooled-evidence.ts';
import { Turns } from './turns.ts';
import { Withholding, withheldWords } from './withholding.ts';

/** How often there is something to do. */
export const TICK_MS = 100;
/** Records of evidence that are left in the store, at most. */
const EVIDENCE_LEFT = 4096;

export interface ReplicaOptions extends LeaseOptions {
  /** Gated sites of the model. */
  readonly sites: number;
  readonly control: ControlOptions;
  /** How long a replica stays pruned while nobody decides, or the store is out of reach. */
  readonly denseAfterMs: number;
  /** How long slices of a window are worth something. */
  readonly windowMs: number;
  /** What the others are told of this replica beside; plain JSON. */
  readonly about?: Readonly<Record<string, unknown>>;
  /** An operator's choice, made here or elsewhere, is to be taken. */
  readonly onChoice: (choice: SharedChoice) => void;
  readonly onNews?: (news: ReplicaNews) => void;
}

/**
 * One replica of several that learn together through a store. One of them holds a lease and decides: it folds the evidence of all.
 * The others follow: they tell what they see, and take its decisions. Whoever it is, each is dense at once where its own answers
 * are in doubt, or where it has not heard of a decision for too long.
 */
export class Replica implements Sharing {
  readonly id: string;
  readonly decides: () => boolean;
  readonly pilot: SharedPilot;
  readonly lease: Lease;
  readonly choice: OperatorChoice;
  readonly decision: LatestDecision;
  readonly evidence: PooledEvidence;
  readonly news: News;
  readonly #options: ReplicaOptions;
  readonly #outbox: Outbox;
  readonly #withholding: Withholding;
  readonly #turns: Turns;
  #loop: ControlLoop | undefined;
  #stop: () => void = () => undefined;
  #isClosed = false;
  /** What is new since the latest decision was written: a decision is written at once. */
  #unwritten: 'nothing' | 'evidence' | 'decision' = 'nothing';
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(options: ReplicaOptions) {
    const { store, group, id, control, onChoice, onNews } = options;
    const soon = () => this.#soon();
    this.id = id;
    this.#options = options;
    this.lease = new Lease(options);
    this.decides = this.lease.decides;
    this.news = new News(store.place, onNews);
    this.decision = new LatestDecision(control, this.news);
    this.choice = new OperatorChoice({
      store,
      model: group.model,
      wallMs: () => this.lease.wallMs,
      onOffer: soon,
      onChoice: (choice) => {
        onChoice(choice);
        this.#decided();
        // So that who has chosen knows.
        this.lease.hurry();
        soon();
      },
    });
    this.evidence = new PooledEvidence({
      ...options,
      lease: this.lease,
      news: this.news,
      loop: () => this.#loop!,
      onTaken: () => this.#added(),
    });
    this.#outbox = new Outbox(id, this.lease.pace);
    this.#withholding = new Withholding({
      ...options,
      nowMs: () => this.#nowMs,
      onChange: (withheld) => this.#withhold(withheld),
    });
    this.#turns = new Turns(
      (isUrgent) => this.#turn(isUrgent),
      (error) => {
        if (error !== undefined && !this.#isClosed) this.news.failed(messageOf(error));
        this.#withholding.reconsider();
      },
    );
    this.pilot = {
      replicas: () => this.lease.replicas,
      decides: this.decides,
      asked: () => (this.lease.pace.answersPilot ? this.decision.asked : null),
      asks: (asked) => {
        this.decision.asked = asked;
        this.#decided();
      },
      piloted: (rung, loss) => {
        this.#outbox.piloted(rung, loss, this.#nowMs);
        if (this.#outbox.size >= (this.decision.asked?.inputs ?? 1)) soon();
      },
    };
  }

  /** Begins to share. The loop was given this replica. */
  attach(loop: ControlLoop): void {
    const { store, group, clock } = this.#options;
    this.#loop = loop;
    this.decision.begin(loop.state);
    loop.steps$.subscribe((step) => this.#follow(step));
    const unsubscribe = store.subscribe(group, (message) => this.#heard(message));
    const stop = clock.every?.(TICK_MS, () => void this.tick());
    this.#stop = () => {
      stop?.();
      unsubscribe();
    };
    this.#withholding.reconsider();
    this.#soon();
  }

  /** Gives the lease and its place back. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stop();
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
    if (!this.evidence.isTaking) this.#withholding.seen(before, event);
    const decides = this.decides();
    if (event.kind === 'tested' && !decides) this.#outbox.tested(event.rung, event.loss, this.#nowMs);
    return foldOfReplica(before, event, options, decides);
  }

  lost(threshold: number): void {
    if (!this.decides()) this.#outbox.lost(threshold, this.#nowMs);
  }

  sampled(sample: ShadowSample): void {
    if (!this.decides()) this.#outbox.compared(sample, this.#nowMs);
    if (!sample.isExtra)
      this.#outbox.slice.add(sample.histograms, sample.place, this.lease.wallMs, this.#nowMs);
    this.#withholding.ran();
  }

  // What time brings.

  /** Does what is due. Never throws; one at a time, and whether it is to be dense waits for none of them. */
  tick(): Promise<void> {
    this.#withholding.reconsider();
    return this.#turns.take();
  }

  #soon(): void {
    this.#turns.hurry();
    if (this.#loop !== undefined && !this.#isClosed) void this.tick();
  }

  async #turn(isUrgent: boolean): Promise<void> {
    if (this.#isClosed) return;
    if (this.choice.isUntold) await this.choice.tell();
    if (this.lease.isDue) await this.#beat();
    await this.#tell(isUrgent);
    if (!this.decides()) return;
    await this.evidence.listen();
    const isDue = this.#nowMs - this.#writtenAt >= this.lease.pace.writeMs;
    if (this.#unwritten === 'decision' || (this.#unwritten === 'evidence' && isDue)) await this.#write();
  }

  /** Tells of itself, and learns who decides. */
  async #beat(): Promise<void> {
    const { store, group, id, about } = this.#options;
    const { revision } = this.decision;
    const doubt = this.#withholding.ownDoubt;
    const mayDecide = doubt !== 'failure' || this.lease.replicas === 1;
    const told = { ...about, revision, choice: this.choice.sequence, withheld: doubt ?? null };
    const pulse = await this.lease.beat(mayDecide, JSON.stringify(told), revision);
    this.news.answered();
    if (pulse.choice > this.choice.sequence) await this.choice.ask();
    if (pulse.decider !== id) await this.#followOn(pulse);
    else if (mayDecide) await this.#lead(pulse);
    else {
      this.lease.follow(null);
      await store.resign(group, id);
    }
    if (pulse.decider !== null && this.decision.isKnown) this.#withholding.heard();
  }

  /** Nobody else decides: goes on from the latest decision, with the evidence that all have gathered. */
  async #lead({ untilMs, revision, replicas }: Granted): Promise<void> {
    const { store, group } = this.#options;
    if (this.lease.role === 'decides' && revision <= this.decision.revision) return;
    const latest = await store.decision(group);
    const memory = latest && decodeMemory(latest.memory);
    if (latest !== null) this.#adopt(latest);
    this.lease.lead(untilMs);
    this.decision.lead(this.#loop!, revision, memory?.reference);
    await this.evidence.resume(memory);
    this.#decided();
    this.news.tell('decides', `this replica decides for all ${replicas} from now on, as ${this.id}`);
  }

  async #followOn({ decider, replicas, revision }: Granted): Promise<void> {
    if (this.lease.follow(decider)) this.news.tell('follows', `${decider} decides for all ${replicas}`);
    if (revision > this.decision.revision || !this.decision.isKnown) await this.#fetch();
  }

  /** Takes what was decided last, unless it decides by then. */
  async #fetch(): Promise<void> {
    const { store, group } = this.#options;
    const latest = await store.decision(group);
    if (latest !== null && !this.decides()) this.#adopt(latest);
  }

  #adopt(decision: SharedDecision): void {
    this.decision.adopt(this.#loop!, decision, this.choice.sequence, this.lease.wallMs);
  }

  /** Tells what it has seen. */
  async #tell(isUrgent: boolean): Promise<void> {
    const { store, group, leaseMs, windowMs } = this.#options;
    const evidence = this.#outbox.takeEvidence(this.#nowMs, isUrgent);
    if (evidence !== null && !this.decides()) {
      const keepMs = Math.max(60_000, 4 * leaseMs);
      await store.append(group, 'evidence', evidence, { most: EVIDENCE_LEFT, keepMs, isUrgent });
    }
    const taken = this.#outbox.takeSlice(this.#nowMs);
    if (taken === null) return;
    if (this.decides()) this.evidence.deal(this.id, taken.slice);
    const options = { most: SLICES_LEFT, keepMs: windowMs, isUrgent: false };
    await store.append(group, 'slices', taken.record, options);
  }

  /** Writes what it has decided. */
  async #write(): Promise<void> {
    const { store, group, id } = this.#options;
    const { lease, decision, choice, evidence } = this;
    this.#unwritten = 'nothing';
    this.#writtenAt = this.#nowMs;
    const next = decision.next(this.#loop!, lease.revision, choice.sequence, evidence.memory);
    const isTaken = await store.decide(group, id, next);
    decision.written(next, isTaken);
    if (isTaken) return;
    lease.follow(null);
    lease.hurry();
    this.news.tell('follows', `decision ${next.revision} was refused: another replica decides`);
    void this.tick();
  }

  // What it hears, and what it makes of it.

  #heard(message: SharedMessage): void {
    if (this.#isClosed) return;
    if (message.kind === 'choice') this.choice.take(message);
    else if (message.kind === 'evidence') {
      if (this.decides()) this.#soon();
    } else if (!this.decides() && message.revision > this.decision.revision) {
      // Where that fails the next beat asks again.
      const reconsider = () => this.#withholding.reconsider();
      this.#fetch().then(reconsider, reconsider);
    }
  }

  #follow(step: Step): void {
    const { before, after } = step;
    if (before === after) return;
    this.decision.follow(step);
    this.#outbox.follow(after);
    this.#withholding.follow(step);
    this.evidence.follow(step);
    this.#added();
    if (before.change !== after.change) this.#decided();
    this.#withholding.reconsider();
  }

  /** There is something to tell, in time. */
  #added(): void {
    if (this.#unwritten === 'nothing') this.#unwritten = 'evidence';
  }

  /** There is something to tell at once. */
  #decided(): void {
    if (this.lease.role !== 'decides') return;
    this.#unwritten = 'decision';
    this.#soon();
  }

  #withhold(withheld: Withheld | undefined): void {
    const loop = this.#loop;
    if (loop === undefined || this.#isClosed || loop.state.withheld === withheld) return;
    const { denseAfterMs } = this.#options;
    const heard = { problem: this.news.problem, hasHeard: this.decision.isKnown, denseAfterMs };
    const detail = withheldWords(withheld, heard);
    loop.receive({ kind: 'withheld', at: this.lease.wallMs, withheld, detail });
    this.lease.hurry();
    this.#soon();
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}
