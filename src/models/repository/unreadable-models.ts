import type { Logger } from 'pino';

/** The models whose files cannot be read now; each is logged once. */
export class UnreadableModels {
  readonly #log: Logger;
  #reasons: ReadonlyMap<string, string> = new Map();
  /** Why the whole repository cannot be read; undefined if it can. */
  #allReason: string | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  reason(name: string): string | undefined {
    return this.#allReason ?? this.#reasons.get(name);
  }

  /** The whole repository cannot be read. */
  setAll(reason: string): void {
    if (reason !== this.#allReason)
      this.#log.warn({ error: reason }, 'the model repository cannot be read: loaded models go on answering');
    this.#allReason = reason;
  }

  /** The repository can be read, but for these models: reasons by name. */
  set(reasons: ReadonlyMap<string, string>): void {
    if (this.#allReason !== undefined) this.#log.info('the model repository can be read again');
    this.#allReason = undefined;
    for (const [model, reason] of reasons) {
      if (this.#reasons.get(model) !== reason)
        this.#log.warn({ model, error: reason }, 'the model cannot be read: it goes on answering as loaded');
    }
    for (const model of this.#reasons.keys())
      if (!reasons.has(model)) this.#log.info({ model }, 'the model can be read again');
    this.#reasons = reasons;
  }
}

/** The index's wording of a reason. */
export function unreadableText(reason: string): string {
  return `its files cannot be read: ${reason}`;
}
