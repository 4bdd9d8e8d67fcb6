import type { SharedChoice, SharedStore } from '../../store/shared/shared-store.ts';

export interface OperatorChoiceOptions {
  readonly store: SharedStore;
  /** Choices are for a model, whatever the group. */
  readonly model: string;
  /** Unix milliseconds by the store's clock. */
  readonly wallMs: () => number;
  /** Called once with every choice that is to be taken, made here or elsewhere. */
  readonly onChoice: (choice: SharedChoice) => void;
  /** Called when a choice waits to be told. */
  readonly onOffer: () => void;
}

/** What the operator has chosen, at whatever replica: all of them take it. */
export class OperatorChoice {
  readonly #options: OperatorChoiceOptions;
  #sequence = 0;
  /** Still to be told. */
  #offered: { readonly choice: string; readonly at: number } | null = null;

  constructor(options: OperatorChoiceOptions) {
    this.#options = options;
  }

  /** Sequence of the choice that was taken; 0: none was. */
  get sequence(): number {
    return this.#sequence;
  }

  /** A choice that is made now reaches all replicas, this one included. @throws what the store throws; it is then told later. */
  async choose(choice: string): Promise<SharedChoice> {
    const { store, model, wallMs } = this.#options;
    const at = wallMs();
    this.#offered = null;
    try {
      const chosen = await store.choose(model, choice, null);
      this.take(chosen);
      return chosen;
    } catch (error) {
      this.offer(choice, at);
      throw error;
    }
  }

  /** A choice that was made at some time is told once the store can be reached, unless a later one is there. */
  offer(choice: string, at: number): void {
    this.#offered = { choice, at };
    this.#options.onOffer();
  }

  get isUntold(): boolean {
    return this.#offered !== null;
  }

  /** Tells what is still to be told. @throws what the store throws. */
  async tell(): Promise<void> {
    const offered = this.#offered;
    if (offered === null) return;
    const { store, model } = this.#options;
    const latest = await store.choose(model, offered.choice, offered.at);
    if (this.#offered === offered) this.#offered = null;
    this.take(latest);
  }

  /** Asks for the latest choice. @throws what the store throws. */
  async ask(): Promise<void> {
    const { store, model } = this.#options;
    const latest = await store.choice(model);
    if (latest !== null) this.take(latest);
  }

  /** It may come by several ways. */
  take(choice: SharedChoice): void {
    if (choice.sequence <= this.#sequence) return;
    this.#sequence = choice.sequence;
    this.#options.onChoice(choice);
  }
}
