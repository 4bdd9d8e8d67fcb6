import type { Logger } from 'pino';
import { from, lastValueFrom, mergeMap, type Observable, of, toArray } from 'rxjs';
import { messageOf, ServingError } from '../../config/errors.ts';
import { unknownModel } from '../../plane/inference.ts';
import type { IndexEntry, RepositoryPlane } from '../../plane/repository.ts';
import { UpstreamFault } from '../../runtime/upstream/client.ts';
import { runInSeries } from '../../store/files/serial-queue.ts';
import { endsWithin } from '../../store/time-limit.ts';
import type { LiveModel } from '../live-model.ts';
import type { ServedModel } from '../served/served-model.ts';
import { type FoundModel, filesFingerprint, type Layout, type Refusal } from './layout.ts';
import { ModelEntry, type OpenVersion, type Problem, type VersionPolicy } from './model-entry.ts';
import type { ModelSource } from './source.ts';
import { UnreadableModels, unreadableText } from './unreadable-models.ts';
import { indexEntry } from './version-state.ts';

/** Models opened at the same time; reading one takes a single thread. */
const OPENED_AT_ONCE = 2;
/** Time after which a file system that does not answer counts as hanging. */
const SCAN_TIMEOUT_MS = 30_000;

/** Whether a model may be opened later without a change of its files: an upstream server has not told of it yet. */
export function canComeLater(error: ServingError): boolean {
  return error instanceof UpstreamFault;
}

export interface RegistryOptions {
  readonly source: ModelSource;
  readonly versions: VersionPolicy;
  /** Whether the server is ready with any or with all of its models. */
  readonly readiness: 'any' | 'all';
  readonly open: OpenVersion;
  readonly log: Logger;
}

/** The models of this process. Each is loaded, replaced and unloaded by itself; a problem with one does not affect the others. */
export class ModelRegistry implements RepositoryPlane {
  readonly #options: RegistryOptions;
  readonly #entries = new Map<string, ModelEntry>();
  /** Removed models that still finish accepted requests. */
  readonly #leaving = new Set<Promise<void>>();
  #layout: Layout = { models: [], refusals: [], unreadable: new Map() };
  readonly #unreadable: UnreadableModels;
  /** A scan under way for the index. */
  #indexScan: Promise<Layout> | undefined;
  #isClosed = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#unreadable = new UnreadableModels(options.log);
  }

  /** Loads all models. @throws ServingError FILE_NOT_FOUND if there is no repository. */
  async loadAll(): Promise<readonly Problem[]> {
    const { models, refusals } = await this.scan();
    for (const { name, version, reason } of refusals)
      this.#options.log.warn({ model: name, version, reason }, 'not a model');
    const problems = from(models).pipe(
      mergeMap((found) => this.update(found), OPENED_AT_ONCE),
      toArray(),
    );
    return (await lastValueFrom(problems)).flat();
  }

  /** Reads which models there are now. @throws ServingError FILE_NOT_FOUND */
  async scan(): Promise<Layout> {
    try {
      const scanned = runInSeries('models', () => this.#options.source.scan());
      if (!(await endsWithin(SCAN_TIMEOUT_MS, scanned)))
        throw new ServingError(
          'FILE_NOT_FOUND',
          `no answer from the models' files for ${SCAN_TIMEOUT_MS} ms`,
        );
      this.#layout = await scanned;
    } catch (error) {
      this.#unreadable.setAll(messageOf(error));
      throw error;
    }
    this.#unreadable.set(this.#layout.unreadable);
    return this.#layout;
  }

  /** Why the files of a model cannot be read; undefined if they can. The loaded model goes on answering. */
  unreadable(name: string): string | undefined {
    return this.#unreadable.reason(name);
  }

  /** Names of the models with a version that answers, sorted. */
  names(): readonly string[] {
    return this.#sorted().flatMap(({ name, current }) => (current === undefined ? [] : [name]));
  }

  /** The model's version; if none is given, the one that answers by default. */
  find(name: string, version?: string): LiveModel | undefined {
    const entry = this.#entries.get(name);
    return version === undefined ? entry?.current : entry?.live.get(version);
  }

  /** Every version of a model that answers, oldest first. */
  live(name: string): readonly LiveModel[] {
    return [...(this.#entries.get(name)?.live.values() ?? [])];
  }

  awaited(name: string): string | undefined {
    return this.#entries.get(name)?.awaited;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Every model that was loaded or tried, by name. */
  get entries(): ReadonlyMap<string, ModelEntry> {
    return this.#entries;
  }

  /** The version of a model that answers now, then each one that replaces it. */
  current$(name: string): Observable<ServedModel | undefined> {
    return this.#entries.get(name)?.current$ ?? of(undefined);
  }

  get isReady(): boolean {
    const { wanted } = this;
    return this.#options.readiness === 'all' || wanted.length === 0
      ? wanted.every(({ isReady }) => isReady)
      : wanted.some(({ isReady }) => isReady);
  }

  get missing(): readonly string[] {
    const found = this.#layout.models.map(({ name }) => name).filter((name) => !this.#entries.has(name));
    const waiting = this.wanted.filter(({ isReady }) => !isReady).map(({ name }) => name);
    return [...found, ...waiting].sort();
  }

  /** The models that should be served, whether they answer or not. */
  get wanted(): readonly ModelEntry[] {
    return [...this.#entries.values()].filter(({ isWanted }) => isWanted);
  }

  /** Number of models that share the machine. */
  get size(): number {
    return Math.max(this.#layout.models.length, this.#entries.size);
  }

  async index(): Promise<readonly IndexEntry[]> {
    this.#indexScan ??= this.scan()
      .catch(() => this.#layout)
      .finally(() => {
        this.#indexScan = undefined;
      });
    const { models, refusals } = await this.#indexScan;
    const known = this.#sorted().flatMap(({ name, states }) =>
      [...states].map(([version, state]) => indexEntry(name, version, state, this.unreadable(name))),
    );
    const isUnknown = (name: string) => !known.some((entry) => entry.name === name);
    const unloaded = models
      .filter(({ name }) => isUnknown(name))
      .map(({ name, versions }) => unavailable(name, versions[0]?.version, 'not loaded'));
    const isKnown = (refusal: Refusal) =>
      known.some(({ name, version }) => name === refusal.name && version === refusal.version);
    const refused = refusals
      .filter((refusal) => !isKnown(refusal))
      .map(({ name, version, reason }) => unavailable(name, version, reason));
    const unreadable = [...this.#layout.unreadable]
      .filter(([name]) => isUnknown(name))
      .map(([name, reason]) => unavailable(name, undefined, unreadableText(reason)));
    return [...known, ...unloaded, ...refused, ...unreadable].sort(byNameAndVersion);
  }

  async load(name: string): Promise<void> {
    const { models } = await this.scan();
    const found = models.find((model) => model.name === name);
    const unreadable = this.unreadable(name);
    if (unreadable !== undefined)
      throw new ServingError('INVALID_REQUEST', `failed to load '${name}': ${unreadableText(unreadable)}`);
    if (found === undefined) throw unknownModel(name);
    const problems = await this.update(found);
    if (problems.length === 0) return;
    const reasons = problems.map(({ version, error }) => `version ${version}: ${error.message}`);
    throw new ServingError('INVALID_REQUEST', `failed to load '${name}': ${reasons.join('; ')}`);
  }

  async unload(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      const { models, unreadable } = await this.scan();
      if (!models.some((model) => model.name === name) && !unreadable.has(name)) throw unknownModel(name);
      return;
    }
    entry.isWanted = false;
    await entry.unload();
    this.#options.log.info({ model: name }, 'model unloaded');
  }

  /**
   * Loads the versions that were found of a model. Problems are logged and returned; they affect no other model.
   *
   * @throws ServingError UNAVAILABLE while the server is shutting down.
   */
  async update(found: FoundModel): Promise<readonly Problem[]> {
    if (this.#isClosed) throw new ServingError('UNAVAILABLE', 'the server is shutting down');
    const { open, versions, log } = this.#options;
    const { name } = found;
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = new ModelEntry(name, open);
      this.#entries.set(name, entry);
      if (found.hasTritonConfig) log.info({ model: name }, 'config.pbtxt is there and is not read');
    }
    entry.isWanted = true;
    entry.triedFingerprint = filesFingerprint(found);
    const problems = await entry.update(found, versions);
    entry.awaited = problems.find(({ error }) => canComeLater(error))?.error.message;
    // Unreadable files may become readable without a change: they are tried at every poll, and logged once.
    const isUnread = problems.some(({ error }) => error.code === 'FILE_NOT_FOUND' || canComeLater(error));
    const problemText = problems.map(({ version, error }) => `${version} ${error.message}`).join('\n');
    if (!isUnread || problemText !== entry.loggedProblem)
      for (const { version, error } of problems)
        log.error({ model: name, version, error: error.message }, 'the model was not loaded');
    entry.loggedProblem = isUnread ? problemText : '';
    if (isUnread) entry.triedFingerprint = undefined;
    return problems;
  }

  /** Unloads and forgets a model whose files are gone. */
  remove(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    const closed: Promise<void> = entry
      .unload()
      .then(() => entry.close())
      .finally(() => this.#leaving.delete(closed));
    this.#leaving.add(closed);
    this.#options.log.info({ model: name }, 'model unloaded: its files are gone');
  }

  /** Finishes accepted requests, then stops all workers. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#leaving, ...[...this.#entries.values()].map((entry) => entry.close())]);
  }

  #sorted(): ModelEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

function unavailable(name: string, version: string | undefined, reason: string): IndexEntry {
  return { name, ...(version === undefined ? {} : { version }), state: 'UNAVAILABLE', reason };
}

function byNameAndVersion(a: IndexEntry, b: IndexEntry): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return BigInt(a.version ?? 0) < BigInt(b.version ?? 0) ? -1 : 1;
}
