import type { Asking } from './asking.ts';
import type {
  AppendOptions,
  Beat,
  Group,
  LogName,
  LogRecord,
  Pulse,
  SharedChoice,
  SharedDecision,
  SharedMember,
  SharedMessage,
  SharedStore,
} from './shared-store.ts';

const OPERATIONS = [
  'beat',
  'leave',
  'resign',
  'members',
  'append',
  'read',
  'decide',
  'decision',
  'choose',
  'choice',
] as const satisfies readonly (keyof SharedStore)[];

type Operation = (typeof OPERATIONS)[number];

/** A shared store that lies in another process. */
export class LinkedStore implements SharedStore {
  readonly place = 'this machine';
  readonly #asking: Asking;
  readonly #subscriptions = new Set<number>();
  #subscribed = 0;

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  beat(beat: Beat) {
    return this.#ask<Pulse>('beat', beat);
  }

  leave(group: Group, replica: string) {
    return this.#ask<void>('leave', group, replica);
  }

  resign(group: Group, replica: string) {
    return this.#ask<void>('resign', group, replica);
  }

  members(model: string, aliveMs: number) {
    return this.#ask<readonly SharedMember[]>('members', model, aliveMs);
  }

  append(group: Group, log: LogName, record: Uint8Array, options: AppendOptions) {
    return this.#ask<void>('append', group, log, record, options);
  }

  read(group: Group, log: LogName, after: string | null, limit: number) {
    return this.#ask<readonly LogRecord[]>('read', group, log, after, limit);
  }

  decide(group: Group, replica: string, decision: SharedDecision) {
    return this.#ask<boolean>('decide', group, replica, decision);
  }

  decision(group: Group) {
    return this.#ask<SharedDecision | null>('decision', group);
  }

  choose(model: string, choice: string, at: number | null) {
    return this.#ask<SharedChoice>('choose', model, choice, at);
  }

  choice(model: string) {
    return this.#ask<SharedChoice | null>('choice', model);
  }

  subscribe(group: Group, listener: (message: SharedMessage) => void): () => void {
    const id = ++this.#subscribed;
    this.#subscriptions.add(id);
    this.#asking.hear(toldName(id), listener);
    this.#asking.ask('store.subscribe', id, group).catch(() => undefined);
    return () => this.#unsubscribe(id);
  }

  async close(): Promise<void> {
    for (const id of this.#subscriptions) this.#unsubscribe(id);
  }

  #unsubscribe(id: number): void {
    if (!this.#subscriptions.delete(id)) return;
    this.#asking.forget(toldName(id));
    this.#asking.ask('store.unsubscribe', id).catch(() => undefined);
  }

  #ask<T>(operation: Operation, ...values: readonly unknown[]): Promise<T> {
    return this.#asking.ask(`store.${operation}`, ...values) as Promise<T>;
  }
}

/** Lets another process use a store. @returns ends it: that process is gone, and its replicas with it. */
export function offerStore(store: SharedStore, asking: Asking): () => void {
  const subscriptions = new Map<number, () => void>();
  const replicas = new Map<string, Group>();
  for (const operation of OPERATIONS)
    asking.answer(`store.${operation}`, (...values) =>
      (store[operation] as (...all: never[]) => Promise<unknown>).apply(store, values),
    );
  asking.answer('store.beat', (beat: Beat) => {
    replicas.set(beat.replica, beat.group);
    return store.beat(beat);
  });
  asking.answer('store.subscribe', (id: number, group: Group) => {
    subscriptions.set(
      id,
      store.subscribe(group, (message) => asking.tell(toldName(id), message)),
    );
  });
  asking.answer('store.unsubscribe', (id: number) => {
    subscriptions.get(id)?.();
    subscriptions.delete(id);
  });
  return () => {
    for (const end of subscriptions.values()) end();
    subscriptions.clear();
    for (const [replica, group] of replicas) void store.leave(group, replica).catch(() => undefined);
  };
}

function toldName(id: number): string {
  return `store.told.${id}`;
}
