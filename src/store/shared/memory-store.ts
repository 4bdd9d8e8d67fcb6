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

interface Entry extends LogRecord {
  readonly number: number;
  readonly at: number;
}

interface GroupData {
  lease: { readonly replica: string; readonly until: number } | null;
  revision: number;
  decision: SharedDecision | null;
  readonly logs: Readonly<Record<LogName, Entry[]>>;
  readonly alive: Map<string, number>;
}

interface ModelData {
  choice: SharedChoice | null;
  readonly members: Map<string, SharedMember & { readonly at: number }>;
}

type Listener = (message: SharedMessage) => void;

/** A shared store in the memory of one process: for its own worker processes, and for simulations. Every operation is atomic. */
export class MemoryStore implements SharedStore {
  readonly place = 'this machine';
  readonly #nowMs: () => number;
  readonly #groups = new Map<string, GroupData>();
  readonly #models = new Map<string, ModelData>();
  readonly #listeners = new Map<string, Set<{ readonly group: Group; readonly listener: Listener }>>();
  #entries = 0;

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  async beat({ group, replica, about, aliveMs, leaseMs, revision }: Beat): Promise<Pulse> {
    const nowMs = this.#nowMs();
    const data = this.#group(group);
    const model = this.#model(group.model);
    data.alive.set(replica, nowMs);
    for (const [other, at] of data.alive) if (nowMs - at > aliveMs) data.alive.delete(other);
    model.members.set(replica, { replica, fingerprint: group.fingerprint, about, at: nowMs });
    data.revision = Math.max(data.revision, revision);
    const holder = holderOf(data, nowMs);
    if (leaseMs > 0 && (holder === null || holder === replica))
      data.lease = { replica, until: nowMs + leaseMs };
    return {
      nowMs,
      decider: holderOf(data, nowMs),
      replicas: data.alive.size,
      revision: data.revision,
      choice: model.choice?.sequence ?? 0,
    };
  }

  async leave(group: Group, replica: string): Promise<void> {
    await this.resign(group, replica);
    this.#group(group).alive.delete(replica);
    this.#model(group.model).members.delete(replica);
  }

  async resign(group: Group, replica: string): Promise<void> {
    const data = this.#group(group);
    if (data.lease?.replica === replica) data.lease = null;
  }

  async members(model: string, aliveMs: number): Promise<readonly SharedMember[]> {
    const { members } = this.#model(model);
    const nowMs = this.#nowMs();
    for (const [replica, { at }] of members) if (nowMs - at > aliveMs) members.delete(replica);
    return [...members.values()].map(({ replica, fingerprint, about }) => ({ replica, fingerprint, about }));
  }

  async append(
    group: Group,
    log: LogName,
    record: Uint8Array,
    { most, keepMs, isUrgent }: AppendOptions,
  ): Promise<void> {
    const entries = this.#group(group).logs[log];
    const at = this.#nowMs();
    const number = ++this.#entries;
    entries.push({ id: String(number), number, at, record });
    while (entries.length > most || at - (entries[0]?.at ?? at) > keepMs) entries.shift();
    if (isUrgent) this.#tell(group.model, { kind: 'evidence' }, group.fingerprint);
  }

  async read(group: Group, log: LogName, after: string | null, limit: number): Promise<readonly LogRecord[]> {
    const from = after === null ? 0 : Number(after);
    const entries = this.#group(group).logs[log];
    const first = entries.findIndex(({ number }) => number > from);
    if (first < 0) return [];
    return entries.slice(first, first + limit).map(({ id, record }) => ({ id, record }));
  }

  async decide(group: Group, replica: string, decision: SharedDecision): Promise<boolean> {
    const data = this.#group(group);
    if (holderOf(data, this.#nowMs()) !== replica || decision.revision <= data.revision) return false;
    data.revision = decision.revision;
    data.decision = decision;
    this.#tell(group.model, { kind: 'decision', revision: decision.revision }, group.fingerprint);
    return true;
  }

  async decision(group: Group): Promise<SharedDecision | null> {
    return this.#group(group).decision;
  }

  async choose(model: string, choice: string, at: number | null): Promise<SharedChoice> {
    const data = this.#model(model);
    const before = data.choice;
    if (at !== null && before !== null && at <= before.at) return before;
    const now = Math.max(this.#nowMs(), (before?.at ?? 0) + 1);
    const chosen = { sequence: (before?.sequence ?? 0) + 1, at: at ?? now, choice };
    data.choice = chosen;
    this.#tell(model, { kind: 'choice', ...chosen });
    return chosen;
  }

  async choice(model: string): Promise<SharedChoice | null> {
    return this.#model(model).choice;
  }

  subscribe(group: Group, listener: Listener): () => void {
    const listeners = this.#listeners.get(group.model) ?? new Set();
    this.#listeners.set(group.model, listeners);
    const added = { group, listener };
    listeners.add(added);
    return () => listeners.delete(added);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  /** @param fingerprint - absent: all groups of the model hear of it. */
  #tell(model: string, message: SharedMessage, fingerprint?: string): void {
    for (const { group, listener } of this.#listeners.get(model) ?? [])
      if (fingerprint === undefined || group.fingerprint === fingerprint) listener(message);
  }

  #group({ model, fingerprint }: Group): GroupData {
    const key = `${fingerprint}:${model}`;
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const logs = { evidence: [], slices: [] };
    const data: GroupData = { lease: null, revision: 0, decision: null, logs, alive: new Map() };
    this.#groups.set(key, data);
    return data;
  }

  #model(model: string): ModelData {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const data: ModelData = { choice: null, members: new Map() };
    this.#models.set(model, data);
    return data;
  }
}

function holderOf({ lease }: GroupData, nowMs: number): string | null {
  return lease !== null && lease.until > nowMs ? lease.replica : null;
}
