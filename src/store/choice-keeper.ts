import { messageOf } from '../config/errors.ts';
import type { Choice, Durability } from './choice.ts';
import type { KeptChoice, StateStore } from './store.ts';
import { answerWithin } from './time-limit.ts';

/** An operator who waits for an answer gets one, whatever the disk does. */
const PATIENCE_MS = 5000;
/** What could not be kept is tried again this often. */
const RETRY_MS = 5000;

export interface ChoiceKeeperOptions {
  readonly store: Pick<StateStore, 'saveChoice'>;
  readonly key: string;
  /** What was there at the start. */
  readonly kept: KeptChoice | null;
  readonly report: (error: unknown) => void;
  readonly patienceMs?: number;
  readonly retryMs?: number;
}

const DURABLE: Durability = { durable: true };

/** Brings what an operator chooses to safety, again and again until it is. */
export class ChoiceKeeper {
  readonly #options: ChoiceKeeperOptions;
  readonly #patienceMs: number;
  readonly #retryMs: number;
  #latest: Choice | null;
  /** Of the latest choice, once it is safe. */
  #sequence: bigint | undefined;
  #durability: Durability | null;
  #saving: Promise<unknown> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ChoiceKeeperOptions) {
    this.#options = options;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
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

  /** Resolves once it is safe, has failed to be, or takes too long; in the last two cases it is tried again. */
  async keep(choice: Choice): Promise<Durability> {
    this.#latest = choice;
    this.#sequence = undefined;
    this.#durability = { durable: false, reason: 'not written yet' };
    return answerWithin(this.#patienceMs, this.#save(choice)).catch((error: unknown) => ({
      durable: false,
      reason: messageOf(error),
    }));
  }

  /** The guard has taken the fixed threshold back: kept as well, unless an operator has chosen anew, here or elsewhere. */
  revoke(threshold: number): void {
    const choice = this.#latest;
    if (choice === null || choice.isRevoked || choice.threshold !== threshold) return;
    this.#latest = { ...choice, isRevoked: true };
    if (this.#sequence !== undefined) this.#amend(this.#latest, this.#sequence);
  }

  /** Waits for what is being written. */
  async flush(): Promise<void> {
    await this.#saving;
  }

  /** What takes this place keeps the choice from now on. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
  }

  #save(choice: Choice): Promise<Durability> {
    clearTimeout(this.#retry);
    const saved = this.#options.store.saveChoice(this.#options.key, choice).then(
      (sequence): Durability => {
        this.#saved(choice, sequence!);
        return DURABLE;
      },
      (error: unknown): Durability => {
        this.#options.report(error);
        const failed: Durability = { durable: false, reason: messageOf(error) };
        if (this.#sequence === undefined) {
          this.#durability = failed;
          this.#tryLater();
        }
        return failed;
      },
    );
    this.#saving = saved;
    return saved;
  }

  #saved(choice: Choice, sequence: bigint): void {
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

  #tryLater(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#sequence === undefined && this.#latest !== null) void this.#save(this.#latest);
    }, this.#retryMs).unref();
  }
}
