import { messageOf } from '../../config/errors.ts';
import { localized } from '../../control/phases/shared-state.ts';
import type { Change, ControllerState, ControlOptions } from '../../control/phases/state.ts';
import type { DriftReference } from '../../drift/detector.ts';
import type { SharedDecision } from '../../store/shared/shared-store.ts';
import type { ControlLoop } from '../control-loop.ts';
import type { Asked } from '../pilot-questions.ts';
import type { Step } from '../step.ts';
import { type DecisionMemory, type DecisionState, decodeState, encodeDecision } from './decision-record.ts';
import type { News } from './news.ts';

/** What was decided last for all, as this replica knows it. */
export class LatestDecision {
  /** What the pilot asks of every replica; null: nothing. */
  asked: Asked | null = null;
  readonly #control: ControlOptions;
  readonly #news: News;
  #revision = 0;
  #isKnown = false;
  /** The latest change of what all do; null: none was heard of. */
  #change: Change | null = null;

  constructor(control: ControlOptions, news: News) {
    this.#control = control;
    this.#news = news;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Whether this replica does what was decided for all. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /**
   * Takes a decision, unless it is older than what is known: that of one which did not know yet that another decides. One that
   * cannot be read is refused.
   *
   * @param choice - sequence of the operator's choice that is in force here.
   * @param at - Unix milliseconds.
   */
  adopt(loop: ControlLoop, decision: SharedDecision, choice: number, at: number): void {
    const isOld = this.#isKnown ? decision.revision <= this.#revision : decision.revision < this.#revision;
    if (isOld) return;
    try {
      const shared = decodeState(decision.state, this.#control);
      // Who decided it has not heard of the latest choice: that holds, and a decision that knows it will follow.
      if (shared.choice < choice) return;
      this.#revision = decision.revision;
      this.#isKnown = true;
      this.asked = shared.asked;
      const told = this.#withOwnWords(shared.state, loop.state.change);
      loop.streams.hold(shared.blockRequests);
      loop.receive({ kind: 'adopted', at, state: localized(told, loop.state, loop.ladder.unseen) });
      loop.judge.adopt(shared.objective, shared.isJudging);
      loop.ladder.pumpSoon();
    } catch (error) {
      this.#news.refuse('decision', `revision ${decision.revision}: ${messageOf(error)}`);
    }
  }

  /**
   * This replica decides from now on.
   *
   * @param revision - the latest that any replica knows.
   * @param reference - what drift was measured from by who decided before; undefined: as known here.
   */
  lead(loop: ControlLoop, revision: number, reference: DriftReference | null | undefined): void {
    this.#isKnown = true;
    this.#revision = Math.max(this.#revision, revision);
    this.asked = null;
    loop.streams.release();
    if (reference !== undefined) loop.estimation.adopt(reference);
  }

  /** The next one, to be written. @param revision - the latest that any replica knows. */
  next(loop: ControlLoop, revision: number, choice: number, memory: Omit<DecisionMemory, 'reference'>) {
    const { judge, streams, estimation } = loop;
    const state: DecisionState = {
      state: { ...loop.state, change: this.#change ?? loop.state.change },
      objective: judge.objective,
      isJudging: judge.isOpen,
      blockRequests: streams.watchedBlock,
      choice,
      asked: this.asked,
    };
    const { reference } = estimation;
    return encodeDecision(Math.max(this.#revision, revision) + 1, state, { reference, ...memory });
  }

  /** It was written, or refused: then another replica decides. */
  written({ revision }: SharedDecision, isTaken: boolean): void {
    if (isTaken) this.#revision = Math.max(this.#revision, revision);
    else this.#isKnown = false;
  }

  /** Begins with what the loop does by itself. */
  begin({ change }: ControllerState): void {
    this.#change = change;
  }

  follow({ event, before, after }: Step): void {
    const isOwn = event.kind === 'withheld' || event.kind === 'adopted';
    if (!isOwn && before.change !== after.change) this.#change = after.change;
  }

  /** The latest change of all is told once: what this replica has said of itself since stays its latest. */
  #withOwnWords(shared: ControllerState, own: Change): ControllerState {
    const isKnown = JSON.stringify(shared.change) === JSON.stringify(this.#change);
    this.#change = shared.change;
    return isKnown ? { ...shared, change: own } : shared;
  }
}
