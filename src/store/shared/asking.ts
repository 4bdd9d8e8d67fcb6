import { messageOf, ServingError } from '../../config/errors.ts';

/** A way to another process: messages arrive in order, as structured clones. */
export interface Link {
  send(message: LinkMessage): void;
  /** Called for every message that arrives. */
  onMessage(listener: (message: LinkMessage) => void): void;
}

export type LinkMessage =
  | { readonly kind: 'ask'; readonly id: number; readonly what: string; readonly values: readonly unknown[] }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly code: string | null; readonly message: string }
  | { readonly kind: 'told'; readonly what: string; readonly value: unknown };

type Answer = (...values: never[]) => unknown;

/** Questions between two processes, in both directions, and what one tells the other. */
export class Asking {
  readonly #link: Link;
  readonly #waiting = new Map<
    number,
    { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }
  >();
  readonly #answers = new Map<string, Answer>();
  readonly #listeners = new Map<string, (value: never) => void>();
  #asked = 0;
  #end: string | null = null;

  constructor(link: Link) {
    this.#link = link;
    link.onMessage((message) => void this.#take(message));
  }

  /** What the other process may ask, and how that is answered. */
  answer(what: string, answer: Answer): void {
    this.#answers.set(what, answer);
  }

  /** @throws what the other process throws; Error when it has ended. */
  ask(what: string, ...values: readonly unknown[]): Promise<unknown> {
    if (this.#end !== null) return Promise.reject(new Error(this.#end));
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ kind: 'ask', id, what, values });
    });
  }

  tell(what: string, value: unknown): void {
    this.#send({ kind: 'told', what, value });
  }

  hear(what: string, listener: (value: never) => void): void {
    this.#listeners.set(what, listener);
  }

  forget(what: string): void {
    this.#listeners.delete(what);
  }

  /** The other process has ended. */
  end(reason: string): void {
    this.#end = reason;
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }

  #send(message: LinkMessage): void {
    try {
      this.#link.send(message);
    } catch (error) {
      this.end(messageOf(error));
    }
  }

  async #take(message: LinkMessage): Promise<void> {
    if (message.kind === 'told') {
      this.#listeners.get(message.what)?.(message.value as never);
      return;
    }
    if (message.kind === 'ask') return this.#answered(message);
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'answer') waiting?.resolve(message.value);
    else if (message.kind === 'failed') waiting?.reject(errorOf(message));
  }

  async #answered({ id, what, values }: Extract<LinkMessage, { kind: 'ask' }>): Promise<void> {
    try {
      const answer = this.#answers.get(what);
      if (answer === undefined) throw new Error(`the other process does not know '${what}'`);
      this.#send({ kind: 'answer', id, value: await answer(...(values as never[])) });
    } catch (error) {
      const code = error instanceof ServingError ? error.code : null;
      this.#send({ kind: 'failed', id, code, message: messageOf(error) });
    }
  }
}

function errorOf({ code, message }: Extract<LinkMessage, { kind: 'failed' }>): Error {
  return code === null ? new Error(message) : new ServingError(code as ServingError['code'], message);
}
