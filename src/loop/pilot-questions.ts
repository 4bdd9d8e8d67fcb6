import { LadderPilot } from '../control/search/pilot.ts';
import type { Search } from '../control/search/search.ts';
import type { KeptInput, KeptInputs } from './kept-inputs.ts';

/** How several replicas ask the pilot's questions together: who decides asks, and each answers by some of its own inputs. */
export interface SharedPilot {
  /** Replicas that share; 1: none others do. */
  readonly replicas: () => number;
  readonly decides: () => boolean;
  /** What who decides asks of each replica; null: nothing. */
  readonly asked: () => Asked | null;
  readonly asks: (asked: Asked | null) => void;
  /** What a rung has lost on one of this replica's inputs. */
  readonly piloted: (rung: number, loss: number) => void;
}

export interface Asked {
  readonly rung: number;
  /** Of each replica. */
  readonly inputs: number;
}

/** What a rung loses on an input is asked, by this replica's pilot or another's. */
export interface Question {
  readonly kind: 'own' | 'other';
  readonly search: Search;
  readonly rung: number;
  readonly input: KeptInput;
}

/** The pilot knows enough. */
export interface PilotEnd {
  readonly kind: 'end';
  /** Mean loss of the rungs that were asked; see `LadderPilot`. */
  readonly losses: LadderPilot['losses'];
  /** The inputs that it has seen: from the number of the first to before that of the last. */
  readonly first: number;
  readonly end: number;
}

/** Inputs that the pilot asks of each rung. */
export const PILOT_INPUTS = 160;
/** Inputs that the pilot asks of each of several replicas, at least: few of one say more of that one than of all. */
const LEAST_OWN = 16;

interface Shown {
  readonly rungs: Search['rungs'] | null;
  readonly rung: number;
  readonly inputs: number;
  readonly next: number;
}

const NOTHING_SHOWN: Shown = { rungs: null, rung: -1, inputs: 0, next: 0 };

/** Which candidates are worth a test is asked of the first kept inputs, one run at a time, so that the bisection goes on from what is known. */
export class PilotQuestions {
  readonly #kept: KeptInputs;
  readonly #allowedLoss: number;
  readonly #shared: SharedPilot | undefined;
  #own: { readonly search: Search; readonly pilot: LadderPilot; readonly first: number } | null = null;
  /** Own inputs that were shown at the rung of a search that is asked about, and the number of the next. */
  #shown = NOTHING_SHOWN;
  /** Number of the first own input that was never shown to a pilot. */
  #unseen = 0;

  constructor(kept: KeptInputs, allowedLoss: number, shared: SharedPilot | undefined) {
    this.#kept = kept;
    this.#allowedLoss = allowedLoss;
    this.#shared = shared;
  }

  /** Number of the first kept input that no pilot has seen. */
  get unseen(): number {
    return Math.max(this.#kept.begin, this.#unseen);
  }

  /** @returns null: there is nothing to ask, or nothing to ask it of. */
  next(search: Search): Question | PilotEnd | null {
    return this.#shared?.decides() === false ? this.#nextOfOther(search) : this.#nextOfOwn(search);
  }

  /** What the input of a question has lost. */
  answer({ kind, search, rung, input }: Question, loss: number): void {
    this.#unseen = Math.max(this.#unseen, input.number + 1);
    if (this.#shown.rungs !== search.rungs || this.#shown.rung !== rung) return;
    this.#shown = { ...this.#shown, inputs: this.#shown.inputs + 1, next: input.number + 1 };
    if (kind === 'other') this.#shared?.piloted(rung, loss);
    else this.answerOfOther(rung, loss);
  }

  /** What another replica has lost on one of its inputs, at the rung that the pilot asks about. */
  answerOfOther(rung: number, loss: number): void {
    const pilot = this.#own?.pilot;
    if (pilot?.next?.rung === rung) pilot.add(loss);
  }

  clear(): void {
    this.#own = null;
    this.#shown = NOTHING_SHOWN;
  }

  #nextOfOwn(search: Search): Question | PilotEnd | null {
    const kept = this.#kept;
    const wanted = this.#wanted;
    if (kept.size < wanted && !kept.isFull) return null;
    if (this.#own?.search.rungs !== search.rungs) {
      const inputs = kept.isFull ? Math.min(PILOT_INPUTS, kept.size) : PILOT_INPUTS;
      const pilot = new LadderPilot(search.rungs.length, search.start, inputs, this.#allowedLoss);
      this.#own = { search, pilot, first: kept.begin };
    }
    const { pilot, first } = this.#own;
    const { next } = pilot;
    if (next === null) {
      this.#own = null;
      this.#shared?.asks(null);
      const end = Math.max(this.#unseen, this.#shared === undefined ? first + pilot.inputs : first);
      return { kind: 'end', losses: pilot.losses, first, end };
    }
    if (this.#shown.rungs !== search.rungs || this.#shown.rung !== next.rung) {
      this.#shown = { rungs: search.rungs, rung: next.rung, inputs: 0, next: first };
      this.#shared?.asks({ rung: next.rung, inputs: wanted });
    }
    const input = kept.from(this.#shown.next);
    return input === undefined ? null : { kind: 'own', search, rung: next.rung, input };
  }

  /** What another replica's pilot asks of this one's inputs. */
  #nextOfOther(search: Search): Question | null {
    const asked = this.#shared?.asked() ?? null;
    if (asked === null || search.rungs[asked.rung] === undefined) return null;
    if (this.#shown.rungs !== search.rungs || this.#shown.rung !== asked.rung)
      this.#shown = { rungs: search.rungs, rung: asked.rung, inputs: 0, next: this.#kept.begin };
    const input = this.#shown.inputs < asked.inputs ? this.#kept.from(this.#shown.next) : undefined;
    return input === undefined ? null : { kind: 'other', search, rung: asked.rung, input };
  }

  /** Inputs that each replica shows the pilot: together as many as one alone would, and some at least. */
  get #wanted(): number {
    const replicas = this.#shared?.replicas() ?? 1;
    return Math.max(Math.min(PILOT_INPUTS, LEAST_OWN), Math.ceil(PILOT_INPUTS / replicas));
  }
}
