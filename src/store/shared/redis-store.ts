import type { Redis } from 'ioredis';
import { messageOf, ServingError } from '../../config/errors.ts';
import { endsWithin } from '../time-limit.ts';
import { SCRIPTS } from './redis-scripts.ts';
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

/** Longest time that an operation may take. Whoever waits for it does so in the background. */
const COMMAND_MS = 2000;
/** After such a silence a connection is given up, and made anew. */
const SILENT_MS = 10_000;
/** So long a closed connection may take to end. */
const GONE_MS = 200;
/** Pauses between attempts to connect: from the first to the longest. */
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2000;

export interface RedisStoreOptions {
  /** `redis://` or `rediss://`, with user and password where it takes them. */
  readonly url: string;
  /** Called with what goes wrong with the connection, without secrets. */
  readonly onProblem?: (message: string) => void;
}

type Listener = (message: SharedMessage) => void;
type Client = Redis<'legacy'>;

/**
 * A shared store in Redis 5 or later, Valkey, or what speaks the same. Keys begin with `taustat:{model}`, so that those of a model lie on one
 * node of a cluster. It connects in the background, for as long as it takes.
 */
export class RedisStore implements SharedStore {
  readonly place: string;
  readonly #commands: Client;
  readonly #subscriber: Client;
  readonly #listeners = new Map<string, Set<Listener>>();
  #problem: string | null = null;
  /** Each refusal to write makes a new connection, to whatever the name leads to by then. */
  #takesNoWrites = false;

  private constructor(commands: Client, subscriber: Client, { url, onProblem }: RedisStoreOptions) {
    this.place = placeOf(url);
    this.#commands = commands;
    this.#subscriber = subscriber;
    commands.on('error', (error: unknown) => {
      this.#problem = messageOf(error);
      onProblem?.(this.#problem);
    });
    commands.on('ready', () => {
      this.#problem = null;
    });
    subscriber.on('error', () => undefined);
    subscriber.on('message', (channel: string, text: string) => this.#heard(channel, text));
  }

  /** Loads the client, which is not loaded without a store, and begins to connect. @throws ServingError CONFIG_INVALID */
  static async open(options: RedisStoreOptions): Promise<RedisStore> {
    checkStoreUrl(options.url);
    const { Redis: Connection } = await import('ioredis');
    const settings = {
      // What every version understands.
      protocol: 2 as const,
      socketTimeout: SILENT_MS,
      // A process that ends does not wait longer for a connection that is gone.
      disconnectTimeout: GONE_MS,
      connectTimeout: COMMAND_MS,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectionName: 'taustat',
      retryStrategy: (attempt: number) =>
        Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 16), LONGEST_RETRY_MS),
      // A replica that was a primary refuses writes: the name may lead to the new one by now.
      reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
      scripts: Object.fromEntries(
        Object.entries(SCRIPTS).map(([name, { keys, lua }]) => [name, { lua, numberOfKeys: keys }]),
      ),
    };
    // A subscription made while there is no connection is kept until there is one.
    const subscriber = { ...settings, enableOfflineQueue: true, maxRetriesPerRequest: null };
    const { socketTimeout: _, ...untimed } = subscriber;
    return new RedisStore(
      new Connection(options.url, settings),
      new Connection(options.url, untimed),
      options,
    );
  }

  async beat({ group, replica, about, aliveMs, leaseMs, revision }: Beat): Promise<Pulse> {
    const { alive, lease, decision, everybody, members, choice } = keysOf(group);
    const keys = [alive, lease, decision, everybody, members, choice];
    const values = [replica, group.fingerprint, about, aliveMs, leaseMs, revision];
    const answer = (await this.#run('taustatBeat', ...keys, ...values)) as (string | number)[];
    this.#takesNoWrites = false;
    const [nowMs, decider, replicas, known, chosen] = answer;
    return {
      nowMs: Number(nowMs),
      decider: decider === '' ? null : String(decider),
      replicas: Number(replicas),
      revision: Number(known),
      choice: Number(chosen),
    };
  }

  async leave(group: Group, replica: string): Promise<void> {
    const { alive, everybody, members } = keysOf(group);
    await this.resign(group, replica);
    await this.#call('ZREM', alive, replica);
    await this.#call('ZREM', everybody, replica);
    await this.#call('HDEL', members, replica);
  }

  async resign(group: Group, replica: string): Promise<void> {
    await this.#run('taustatResign', keysOf(group).lease, replica);
  }

  async members(model: string, aliveMs: number): Promise<readonly SharedMember[]> {
    const { everybody, members } = keysOf({ model, fingerprint: '' });
    const answer = (await this.#run('taustatMembers', everybody, members, aliveMs)) as string[];
    return Array.from({ length: answer.length / 2 }, (_, i) => {
      const told = answer[2 * i + 1]!;
      const space = told.indexOf(' ');
      return {
        replica: answer[2 * i]!,
        fingerprint: told.slice(0, space),
        about: told.slice(space + 1),
      };
    });
  }

  async append(
    group: Group,
    log: LogName,
    record: Uint8Array,
    { most, keepMs, isUrgent }: AppendOptions,
  ): Promise<void> {
    const keys = keysOf(group);
    const channel = isUrgent ? keys.channel : '';
    const message = JSON.stringify({ kind: 'evidence' } satisfies SharedMessage);
    const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
    await this.#run('taustatAppend', keys.logs[log], bytes, most, keepMs, channel, message);
  }

  async read(group: Group, log: LogName, after: string | null, limit: number): Promise<readonly LogRecord[]> {
    const key = keysOf(group).logs[log];
    const from = after ?? '0';
    const answer = await this.#guarded(() =>
      this.#commands.callBuffer('XREAD', 'COUNT', limit, 'STREAMS', key, from),
    );
    const [stream] = (answer ?? []) as [Buffer, [Buffer, Buffer[]][]][];
    return (stream?.[1] ?? []).map(([id, fields]) => ({ id: id.toString(), record: fields[1]! }));
  }

  async decide(group: Group, replica: string, { revision, state, memory }: SharedDecision): Promise<boolean> {
    const { lease, decision, channel } = keysOf(group);
    const message = JSON.stringify({ kind: 'decision', revision } satisfies SharedMessage);
    const values = [replica, revision, state, memory, channel, message];
    return (await this.#run('taustatDecide', lease, decision, ...values)) === 1;
  }

  async decision(group: Group): Promise<SharedDecision | null> {
    const { decision } = keysOf(group);
    const answer = await this.#call('HMGET', decision, 'decided', 'state', 'memory');
    const [revision, state, memory] = answer as (string | null)[];
    if (revision == null || state == null || memory == null) return null;
    return { revision: Number(revision), state, memory };
  }

  async choose(model: string, choice: string, at: number | null): Promise<SharedChoice> {
    const keys = keysOf({ model, fingerprint: '' });
    const answer = await this.#run('taustatChoose', keys.choice, choice, at ?? '', keys.modelChannel);
    const [sequence, chosenAt, latest] = answer as [number, number, string];
    return { sequence: Number(sequence), at: Number(chosenAt), choice: latest };
  }

  async choice(model: string): Promise<SharedChoice | null> {
    const { choice } = keysOf({ model, fingerprint: '' });
    const [sequence, at, latest] = (await this.#call('HMGET', choice, 'sequence', 'at', 'choice')) as (
      | string
      | null
    )[];
    if (sequence == null || at == null || latest == null) return null;
    return { sequence: Number(sequence), at: Number(at), choice: latest };
  }

  subscribe(group: Group, listener: Listener): () => void {
    const { channel, modelChannel } = keysOf(group);
    for (const name of [channel, modelChannel]) {
      const listeners = this.#listeners.get(name) ?? new Set();
      listeners.add(listener);
      this.#listeners.set(name, listeners);
      void this.#subscriber.subscribe(name).catch(() => undefined);
    }
    return () => {
      for (const name of [channel, modelChannel]) {
        const listeners = this.#listeners.get(name);
        listeners?.delete(listener);
        if (listeners?.size !== 0) continue;
        this.#listeners.delete(name);
        void this.#subscriber.unsubscribe(name).catch(() => undefined);
      }
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#commands.disconnect();
    this.#subscriber.disconnect();
  }

  #heard(channel: string, text: string): void {
    const message = messageIn(text);
    if (message === null) return;
    for (const listener of this.#listeners.get(channel) ?? []) listener(message);
  }

  #run(script: keyof typeof SCRIPTS, ...parameters: readonly (string | number | Buffer)[]): Promise<unknown> {
    const scripts = this.#commands as unknown as Record<
      string,
      (...all: readonly unknown[]) => Promise<unknown>
    >;
    return this.#guarded(() => scripts[script]!.apply(this.#commands, [...parameters]));
  }

  #call(command: string, ...parameters: readonly (string | number)[]): Promise<unknown> {
    return this.#guarded(() => this.#commands.call(command, ...parameters));
  }

  /** Without a connection, what is wrong with it says more than that there is none. */
  async #guarded(ask: () => Promise<unknown>): Promise<unknown> {
    const asked = ask();
    let isInTime = false;
    try {
      isInTime = await endsWithin(COMMAND_MS, asked);
    } catch (error) {
      const message = messageOf(error);
      this.#takesNoWrites ||= message.startsWith('READONLY');
      const refusal = this.#takesNoWrites ? TAKES_NO_WRITES : inPlainWords(message);
      throw new Error(`${this.place}: ${this.#problem ?? refusal}`);
    }
    if (isInTime) return asked;
    asked.catch(() => undefined);
    throw new Error(`${this.place} has not answered for ${COMMAND_MS} ms`);
  }
}

const TAKES_NO_WRITES = 'it is a replica, and takes no writes: give the address of its primary';

/** What the library and the store say, as far as an operator needs it: no script's name, no setting of the library. */
function inPlainWords(message: string): string {
  if (/enableOfflineQueue|Connection is closed/.test(message)) return 'there is no connection';
  if (message.startsWith('READONLY'))
    return 'it is a replica, and takes no writes: give the address of its primary';
  if (message.startsWith('OOM ')) return 'its memory is full (maxmemory)';
  return message.replace(/ ?script: [0-9a-f]+, on @user_script.*$/, '').replace(/[.:\s]+$/, '');
}

function keysOf({ model, fingerprint }: Group) {
  const ofModel = `taustat:{${encodeURIComponent(Buffer.from(model).toString())}}`;
  const ofGroup = `${ofModel}:${fingerprint}`;
  return {
    alive: `${ofGroup}:alive`,
    lease: `${ofGroup}:lease`,
    decision: `${ofGroup}:decision`,
    logs: { evidence: `${ofGroup}:evidence`, slices: `${ofGroup}:slices` },
    channel: `${ofGroup}:told`,
    everybody: `${ofModel}:alive`,
    members: `${ofModel}:members`,
    choice: `${ofModel}:choice`,
    modelChannel: `${ofModel}:told`,
  };
}

/** A message from a channel, on which anybody may write; null: it is none. */
function messageIn(text: string): SharedMessage | null {
  try {
    const message = JSON.parse(text) as SharedMessage;
    if (message.kind === 'evidence') return message;
    if (message.kind === 'decision') return Number.isSafeInteger(message.revision) ? message : null;
    const isChoice =
      message.kind === 'choice' &&
      Number.isSafeInteger(message.sequence) &&
      Number.isFinite(message.at) &&
      typeof message.choice === 'string';
    return isChoice ? message : null;
  } catch {
    return null;
  }
}

/** @throws ServingError CONFIG_INVALID, without the address, which may hold a password. */
export function checkStoreUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === '')
    throw new ServingError('CONFIG_INVALID', 'store.url: expected redis://host:port or rediss://host:port');
}

/** An address without user and password. */
function placeOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}
