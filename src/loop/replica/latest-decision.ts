import { messageOf } from '../../config/errors.ts';
import type { Change, ControllerState, ControlOptions } from '../../control/phases/state.ts';
import type { SharedDecision } from '../../store/shared/shared-store.ts';
import type { ControlLoop } from '../control-loop.ts';
import type { Asked } from '../pilot-questions.ts';
import type { Step } from '../step.ts';
import { type DecisionMemory, decodeState, encodeDecision } from './decision-record.ts';
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
   */
  adopt(loop: ControlLoop, decision: SharedDecision, choice: number): void {
    const isOld = this.#isKnown ? decision.revision <= this.#revision : decision.revision < this.#revision;
    if (isOld) return;
    try {
      const shared = decodeState(decision.state, this.#control);
      // Who decided it has not heard of the latest choice: that holds, and a decision that knows it will follow.
      if (shared.choice < choice) return;
      this.#revision = decision.revision;
      this.#isKnown = true;
      this.asked = shared.asked;
      loop.adopt({ ...shared, state: this.#withOwnWords(shared.state, loop.state.change) });
    } catch (error) {
      this.#news.refuse('decision', `revision ${decision.revision}: ${messageOf(error)}`);
    }
  }

  /** This replica decides from now on, and whatever it does is known. @param revision - the latest that any replica knows. */
  lead(revision: number): void {
    this.#isKnown = true;
    this.#revision = Math.max(this.#revision, revision);
    this.asked = null;
  }

  /** The next one, to be written. @param revision - the latest that any replica knows. */
  next(loop: ControlLoop, revision: number, choice: number, memory: Omit<DecisionMemory, 'reference'>) {
    const state = { ...loop.state, change: this.#change ?? loop.state.change };
    return encodeDecision(
      Math.max(this.#revision, revision) + 1,
      { ...loop.judging, state, choice, asked: this.asked },
      { reference: loop.resumePoint.reference, ...memory },
    );
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
