import { BehaviorSubject, distinctUntilChanged, map, type Observable } from 'rxjs';
import { messageOf, ServingError } from '../../config/errors.ts';
import type { Choice } from '../../store/choice.ts';
import { LiveModel } from '../live-model.ts';
import type { ServedModel } from '../served/served-model.ts';
import type { FoundModel, FoundVersion } from './layout.ts';
import type { VersionState } from './version-state.ts';

/** Which versions of a model are served. */
export type VersionPolicy = 'latest' | 'all';

/** What a version takes over from the one it replaces. */
export interface Inherited {
  /** The same version with its previous files, which is returned again when nothing has changed. */
  readonly replaces: ServedModel | undefined;
  /** The operator's choice for this version, or for the one that it replaces; null: none. */
  readonly choice: Choice | null;
}

/** Reads a version and opens its sessions. @throws ServingError FILE_NOT_FOUND, MODEL_INVALID */
export type OpenVersion = (
  model: string,
  version: FoundVersion,
  inherited: Inherited,
) => Promise<ServedModel>;

export interface Problem {
  readonly version: string;
  readonly error: ServingError;
}

/**
 * One model of a repository and the states of its versions.
 *
 * Updates run one after the other. A new version is opened while the old one answers, and replaces it in one step; then
 * the old one finishes the requests that it accepted.
 */
export class ModelEntry {
  readonly name: string;
  /** Whether it should be served; false once it was unloaded. */
  isWanted = true;
  /** Fingerprint of the files that were tried last, loaded or not. */
  triedFingerprint: string | undefined;
  /** Why it does not answer yet, although it will without a change of its files; undefined: it does, or will not. */
  awaited: string | undefined;
  /** The logged problem of files that cannot be read, so that it is not logged at every poll. */
  loggedProblem = '';
  readonly #open: OpenVersion;
  readonly #states = new Map<string, VersionState>();
  readonly #draining = new Set<Promise<void>>();
  #live: ReadonlyMap<string, LiveModel> = new Map();
  readonly #current = new BehaviorSubject<LiveModel | undefined>(undefined);
  /** The operator's choices for versions that no longer answer, the latest last. */
  readonly #pastChoices = new Map<string, Choice | null>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(name: string, open: OpenVersion) {
    this.name = name;
    this.#open = open;
  }

  /** The version that answers requests without a version: the newest that is ready. */
  get current(): LiveModel | undefined {
    return this.#current.value;
  }

  get isReady(): boolean {
    return this.current?.served.runtime.isReady ?? false;
  }

  /** The version that answers requests without a version, and each one that replaces it. */
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

  /** Serves the versions that were found, and retires all others. */
  update(found: FoundModel, policy: VersionPolicy): Promise<readonly Problem[]> {
    return this.#inSeries(() => this.#update(found, policy));
  }

  unload(): Promise<void> {
    return this.#inSeries(async () => {
      for (const version of [...this.#live.keys()]) this.#retire(version);
    });
  }

  /** Answers accepted requests and refuses later ones as unavailable, for good. */
  async close(): Promise<void> {
    await this.#inSeries(async () => {
      for (const { served } of this.#live.values()) this.#drain(served);
    });
    await Promise.all(this.#draining);
    this.#current.complete();
  }

  #inSeries<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #update(found: FoundModel, policy: VersionPolicy): Promise<readonly Problem[]> {
    const problems: Problem[] = [];
    const kept = new Set<string>();
    for (const candidate of found.versions) {
      const error = await this.#openVersion(candidate, policy);
      if (error !== undefined) problems.push({ version: candidate.version, error });
      if (this.#live.has(candidate.version)) kept.add(candidate.version);
      // If the newest version cannot be loaded, the one before it is served.
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

  /** Opens a version unless the same files answer already. */
  async #openVersion(found: FoundVersion, policy: VersionPolicy): Promise<ServingError | undefined> {
    const { version, fingerprint } = found;
    const before = this.#states.get(version);
    const answering = before?.kind === 'ready' ? before : undefined;
    if (answering?.fingerprint === fingerprint && answering.refused === '') return undefined;
    if (answering === undefined) this.#states.set(version, { kind: 'loading' });
    try {
      const replaces = answering?.served;
      const choice = replaces === undefined ? this.#inherited(version, policy) : replaces.choice.latest;
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

  /** The operator's earlier choice for a version, or the choice for the version that it replaces. */
  #inherited(version: string, policy: VersionPolicy): Choice | null {
    const current = this.current?.served;
    if (policy === 'latest')
      return current === undefined ? ([...this.#pastChoices.values()].at(-1) ?? null) : current.choice.latest;
    if (this.#pastChoices.has(version)) return this.#pastChoices.get(version)!;
    const isNewest = current !== undefined && BigInt(version) > BigInt(current.version);
    return isNewest ? current.choice.latest : null;
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

  /** Lets a replaced version finish its requests, in the background. */
  #drain(served: ServedModel, then: () => void = () => undefined): void {
    const version = served.version;
    this.#pastChoices.delete(version);
    this.#pastChoices.set(version, served.choice.latest);
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
