import { messageOf } from '../config/errors.ts';
import type { Choice, Durability } from './choice.ts';
import type { KeptChoice, StateStore } from './store.ts';
import { answerWithin } from './time-limit.ts';

/** Longest time that an operator waits for an answer, however slow the disk is. */
const TIMEOUT_MS = 5000;
/** Time between two attempts to write a choice. */
const RETRY_MS = 5000;

export interface ChoicePersistenceOptions {
  readonly store: Pick<StateStore, 'saveChoice'>;
  readonly key: string;
  /** The choice on disk when the server started. */
  readonly kept: KeptChoice | null;
  readonly report: (error: unknown) => void;
  readonly timeoutMs?: number;
  readonly retryMs?: number;
}

const DURABLE: Durability = { durable: true };

/** Writes an operator's choice to the store, and retries until it is written. */
export class ChoicePersistence {
  readonly #options: ChoicePersistenceOptions;
  readonly #timeoutMs: number;
  readonly #retryMs: number;
  #latest: Choice | null;
  /** Sequence of the latest choice; undefined until it is written. */
  #sequence: bigint | undefined;
  #durability: Durability | null;
  #saving: Promise<unknown> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ChoicePersistenceOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#retryMs = options.retryMs ?? RETRY_MS;
    this.#latest = options.kept?.choice ?? null;
    this.#sequence = options.kept?.sequence;
    this.#durability = options.kept === null ? null : DURABLE;
  }

  get latest(): Choice | null {
    return this.#latest;
  }

  get durability(): Durability | null {
    return this.#durability;
  }

  /** Resolves once the choice is written, the write has failed, or it takes too long; the last two are retried. */
  async keep(choice: Choice): Promise<Durability> {
    this.#latest = choice;
    this.#sequence = undefined;
    this.#durability = { durable: false, reason: 'not written yet' };
    return answerWithin(this.#timeoutMs, this.#save(choice)).catch((error: unknown) => ({
      durable: false,
      reason: messageOf(error),
    }));
  }

  /** Records that the guard withdrew the fixed threshold, unless an operator has made a new choice since, here or elsewhere. */
  revoke(threshold: number): void {
    const choice = this.#latest;
    if (choice === null || choice.isRevoked || choice.threshold !== threshold) return;
    this.#latest = { ...choice, isRevoked: true };
    if (this.#sequence !== undefined) this.#amend(this.#latest, this.#sequence);
  }

  /** Waits for the write under way. */
  async flush(): Promise<void> {
    await this.#saving;
  }

  /** Stops the retries: the model's successor writes the choice from now on. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
  }

  #save(choice: Choice): Promise<Durability> {
    clearTimeout(this.#retry);
    const saved = this.#options.store.saveChoice(this.#options.key, choice).then(
      (sequence): Durability => {
        this.#onSaved(choice, sequence!);
        return DURABLE;
      },
      (error: unknown): Durability => {
        this.#options.report(error);
        const failed: Durability = { durable: false, reason: messageOf(error) };
        if (this.#sequence === undefined) {
          this.#durability = failed;
          this.#retryLater();
        }
        return failed;
      },
    );
    this.#saving = saved;
    return saved;
  }

  #onSaved(choice: Choice, sequence: bigint): void {
    const latest = this.#latest;
    if (latest?.at !== choice.at) return;
    clearTimeout(this.#retry);
    this.#sequence = sequence;
    this.#durability = DURABLE;
    if (latest !== choice) this.#amend(latest, sequence);
  }

  #amend(choice: Choice, after: bigint): void {
    this.#saving = this.#options.store.saveChoice(this.#options.key, choice, after).then(
      (sequence) => {
        if (sequence !== null && this.#latest === choice) this.#sequence = sequence;
      },
      (error: unknown) => this.#options.report(error),
    );
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#sequence === undefined && this.#latest !== null) void this.#save(this.#latest);
    }, this.#retryMs).unref();
  }
}
