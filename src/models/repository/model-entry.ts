import { BehaviorSubject, distinctUntilChanged, map, type Observable } from 'rxjs';
import { messageOf, ServingError } from '../../config/errors.ts';
import type { Choice } from '../../store/choice.ts';
import { LiveModel } from '../live-model.ts';
import type { ServedModel } from '../served/served-model.ts';
import type { FoundModel, FoundVersion } from './layout.ts';
import type { VersionState } from './states.ts';

/** Which of the versions that are there are served. */
export type VersionPolicy = 'latest' | 'all';

/** What a version that is opened takes over. */
export interface Heritage {
  /** The same version with the files that it had before: answered as it is when nothing has changed. */
  readonly replaces: ServedModel | undefined;
  /** What an operator has chosen for it, or for the version whose place it takes; null: nothing. */
  readonly choice: Choice | null;
}

/** Reads a version and opens its sessions. @throws ServingError FILE_NOT_FOUND, MODEL_INVALID */
export type OpenVersion = (model: string, version: FoundVersion, from: Heritage) => Promise<ServedModel>;

export interface Problem {
  readonly version: string;
  readonly error: ServingError;
}

/**
 * One model of a repository and the states of its versions.
 *
 * What is asked of it happens one after the other. A version that comes is opened beside the one that answers, and takes
 * its place in one step; only then the old one is left to finish what it has accepted.
 */
export class ModelEntry {
  readonly name: string;
  /** Whether it should be served: not after it was unloaded. */
  isWanted = true;
  /** Fingerprints of the files that were looked at last, whatever came of it. */
  lookedAt: string | undefined;
  /** What was logged of files that could not be read, which is not repeated at every look. */
  unreadTold = '';
  readonly #open: OpenVersion;
  readonly #states = new Map<string, VersionState>();
  readonly #draining = new Set<Promise<void>>();
  #live: ReadonlyMap<string, LiveModel> = new Map();
  readonly #current = new BehaviorSubject<LiveModel | undefined>(undefined);
  /** What was chosen for the versions that answer no more; the latest of them last. */
  readonly #left = new Map<string, Choice | null>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(name: string, open: OpenVersion) {
    this.name = name;
    this.#open = open;
  }

  /** The version that answers when none is asked for: the newest that is ready. */
  get current(): LiveModel | undefined {
    return this.#current.value;
  }

  get isReady(): boolean {
    return this.current?.served.runtime.isReady ?? false;
  }

  /** What answers when no version is asked for, from now on. */
  get current$(): Observable<ServedModel | undefined> {
    return this.#current.pipe(
      map((live) => live?.served),
      distinctUntilChanged(),
    );
  }

  get live(): ReadonlyMap<string, LiveModel> {
    return this.#live;
  }

  get states(): ReadonlyMap<string, VersionState> {
    return this.#states;
  }

  /** Serves what was found, and retires what is not wanted any more. */
  update(found: FoundModel, policy: VersionPolicy): Promise<readonly Problem[]> {
    return this.#inTurn(() => this.#update(found, policy));
  }

  unload(): Promise<void> {
    return this.#inTurn(async () => {
      for (const version of [...this.#live.keys()]) this.#retire(version);
    });
  }

  /** Ends for good: what was accepted is answered, what comes after is refused as unavailable. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      for (const { served } of this.#live.values()) this.#drain(served);
    });
    await Promise.all(this.#draining);
    this.#current.complete();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #update(found: FoundModel, policy: VersionPolicy): Promise<readonly Problem[]> {
    const problems: Problem[] = [];
    const kept = new Set<string>();
    for (const candidate of found.versions) {
      const error = await this.#bring(candidate, policy);
      if (error !== undefined) problems.push({ version: candidate.version, error });
      if (this.#live.has(candidate.version)) kept.add(candidate.version);
      // A newest version that cannot be loaded leaves the model to the one before it.
      if (policy === 'latest' && kept.size > 0) break;
    }
    if (kept.size > 0) {
      for (const version of [...this.#live.keys()]) if (!kept.has(version)) this.#retire(version);
    }
    for (const [version, { kind }] of this.#states) {
      const isThere = found.versions.some((candidate) => candidate.version === version);
      if (kind === 'unavailable' && !isThere) this.#states.delete(version);
    }
    return problems;
  }

  /** Opens a version unless it is what answers already. */
  async #bring(found: FoundVersion, policy: VersionPolicy): Promise<ServingError | undefined> {
    const { version, fingerprint } = found;
    const before = this.#states.get(version);
    const answering = before?.kind === 'ready' ? before : undefined;
    if (answering?.fingerprint === fingerprint && answering.refused === '') return undefined;
    if (answering === undefined) this.#states.set(version, { kind: 'loading' });
    try {
      const replaces = answering?.served;
      const choice = replaces === undefined ? this.#inherited(version, policy) : replaces.choice;
      const served = await this.#open(this.name, found, { replaces, choice });
      this.#states.set(version, { kind: 'ready', served, fingerprint, refused: '' });
      if (served === answering?.served) return undefined;
      this.#publish();
      if (answering !== undefined) this.#drain(answering.served);
      return undefined;
    } catch (error) {
      const reason = messageOf(error);
      const refused = `the files that were loaded before still answer: ${reason}`;
      this.#states.set(version, answering ? { ...answering, refused } : { kind: 'unavailable', reason });
      return error instanceof ServingError ? error : new ServingError('INTERNAL', reason, { cause: error });
    }
  }

  /** A version that comes goes on with what was chosen for it before, or for the version in whose place it answers. */
  #inherited(version: string, policy: VersionPolicy): Choice | null {
    const current = this.current?.served;
    if (policy === 'latest')
      return current === undefined ? ([...this.#left.values()].at(-1) ?? null) : current.choice;
    if (this.#left.has(version)) return this.#left.get(version)!;
    const isNewest = current !== undefined && BigInt(version) > BigInt(current.version);
    return isNewest ? current.choice : null;
  }

  #retire(version: string): void {
    const state = this.#states.get(version);
    if (state?.kind !== 'ready') return;
    const unloading: VersionState = { kind: 'unloading' };
    this.#states.set(version, unloading);
    this.#publish();
    this.#drain(state.served, () => {
      if (this.#states.get(version) === unloading)
        this.#states.set(version, { kind: 'unavailable', reason: 'unloaded' });
    });
  }

  /** What has just been replaced may still have work; nobody waits for it but the end of the server. */
  #drain(served: ServedModel, then: () => void = () => undefined): void {
    const version = served.version;
    this.#left.delete(version);
    this.#left.set(version, served.choice);
    const closed: Promise<void> = served
      .close()
      .then(then, then)
      .finally(() => this.#draining.delete(closed));
    this.#draining.add(closed);
  }

  #publish(): void {
    const ready = [...this.#states].flatMap(([version, state]) =>
      state.kind === 'ready' ? [{ version, served: state.served }] : [],
    );
    ready.sort((a, b) => (BigInt(a.version) < BigInt(b.version) ? -1 : 1));
    const versions = ready.map(({ version }) => version);
    for (const live of this.#live.values()) live.isCurrent = false;
    this.#live = new Map(ready.map(({ version, served }) => [version, new LiveModel(served, versions)]));
    this.#current.next(this.#live.get(versions.at(-1) ?? ''));
  }
}
