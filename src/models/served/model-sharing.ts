import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { messageOf } from '../../config/errors.ts';
import { VERSION } from '../../config/version.ts';
import { SYSTEM_CLOCK } from '../../loop/clock.ts';
import type { ControlLoop } from '../../loop/control-loop.ts';
import type { ReplicaNews } from '../../loop/replica/news.ts';
import { RECORD_FORM } from '../../loop/replica/records.ts';
import { Replica } from '../../loop/replica/replica.ts';
import { type Choice, isChoice } from '../../store/choice.ts';
import { choiceKey } from '../../store/keys.ts';
import { fingerprint, type PersistedModel } from '../../store/resume-point.ts';
import { type SettingsTold, settingsDifference, settingsTold } from '../../store/settings-told.ts';
import type { SharedChoice, SharedMember, SharedStore } from '../../store/shared/shared-store.ts';

/** How long an operator waits to hear by how many replicas a choice was taken, and how often they are asked. */
const REACH_MS = 1000;
const REACH_EVERY_MS = 20;
/** How often it is looked who else serves a model of this name. */
const LOOK_MS = 30_000;

/** By how many replicas a choice was taken; `of` is null where that cannot be known. */
export interface Reach {
  readonly taken: number;
  readonly of: number | null;
  /** Replicas that have not told yet that they took it. */
  readonly missing: readonly string[];
  /** Why it is not known. */
  readonly problem?: string;
}

export interface SharingParts {
  readonly store: SharedStore;
  readonly subject: PersistedModel;
  /** Gated sites of the model. */
  readonly sites: number;
  readonly log: Logger;
}

/** What a replica tells of itself. */
interface About {
  readonly host?: string;
  readonly file?: string;
  readonly settings?: string;
  /** Those that are not the defaults. */
  readonly told?: SettingsTold;
  readonly version?: string;
  readonly choice?: number;
  readonly revision?: number;
  readonly withheld?: string | null;
}

/** A served model among the others of its name: what it learns with those of the same file and settings, and the operator's choices. */
export class ModelSharing {
  readonly replica: Replica;
  readonly #parts: SharingParts;
  readonly #own: About;
  readonly #fingerprint: string;
  /** The members that were seen last. */
  #members: readonly SharedMember[] = [];
  #timer: NodeJS.Timeout | undefined;
  #loop: ControlLoop | undefined;
  #onChoice: (choice: Choice) => void = () => undefined;
  /** Mark of the own choice that is in force here, so that its echo changes nothing; null: another's is. */
  #mark: string | null = null;
  #told: Promise<Reach> | null = null;
  readonly #named = new Set<string>();

  constructor(parts: SharingParts) {
    const { store, subject, sites } = parts;
    const { hash, config, control } = subject;
    const settings = fingerprint(subject);
    const name = `${hostname()}-${process.pid}-${randomBytes(2).toString('hex')}`;
    this.#parts = parts;
    this.#own = {
      host: hostname(),
      file: hash.slice(0, 12),
      settings: settings.slice(0, 8),
      told: settingsTold(config),
      version: VERSION,
    };
    this.#fingerprint = createHash('sha256')
      .update([hash, settings, VERSION, RECORD_FORM].join(' '))
      .digest('hex')
      .slice(0, 16);
    this.replica = new Replica({
      store,
      group: { model: choiceKey(subject), fingerprint: this.#fingerprint },
      id: name,
      sites,
      control,
      clock: SYSTEM_CLOCK,
      leaseMs: 1000 * config.store.leaseSeconds,
      denseAfterMs: 1000 * config.store.denseAfterSeconds,
      windowMs: 1000 * config.window.maxAgeSeconds,
      about: { ...this.#own },
      onChoice: (choice) => this.#heard(choice),
      onNews: (news) => this.#log(news),
    });
  }

  /**
   * Begins to share.
   *
   * @param choice - the operator's choice that is in force here; null: none.
   * @param onChoice - called with a choice that another replica was told, or that was made before this one came.
   */
  attach(loop: ControlLoop, choice: Choice | null, onChoice: (choice: Choice) => void): void {
    this.#onChoice = onChoice;
    this.#loop = loop;
    if (choice !== null) this.replica.choice.offer(JSON.stringify(choice), choice.at);
    this.replica.attach(loop);
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
  }

  /** Tells the others of a choice that is in force here already. Never throws. */
  tell(choice: Choice): void {
    const mark = randomBytes(8).toString('hex');
    this.#mark = mark;
    this.#told = this.#reached(JSON.stringify({ ...choice, mark }));
  }

  /** By how many replicas the latest choice that was made here was taken; null: none was. Resolves within about a second. */
  async reach(): Promise<Reach | null> {
    return this.#told;
  }

  /** What the control API says of the others. */
  async report() {
    await this.#look();
    const { replica } = this;
    const { place } = this.#parts.store;
    return {
      store: place,
      problem: replica.news.problem,
      id: replica.id,
      role: replica.lease.role,
      withheld: this.#loop?.state.withheld ?? null,
      decider: replica.news.problem === null ? replica.lease.decider : null,
      revision: replica.decision.revision,
      areAlike: replica.evidence.areAlike,
      refused: [...replica.news.refused].map(([what, reason]) => ({ what, reason })),
      members: this.#members.map((member) => {
        const { host, version, choice, revision, withheld } = aboutOf(member);
        const apart = this.#apart(member);
        return {
          id: member.replica,
          host: host ?? null,
          version: version ?? null,
          revision: revision ?? null,
          choice: choice ?? null,
          withheld: withheld ?? null,
          apart,
        };
      }),
    };
  }

  /** What is wrong with the store, in words; empty: nothing. */
  get problems(): readonly string[] {
    const { problem } = this.replica.news;
    const { model } = this.#parts.subject;
    return problem === null ? [] : [`${model}: the shared store is out of reach: ${problem}`];
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.replica.close();
  }

  #heard({ choice: text, at }: SharedChoice): void {
    const { mark, ...choice } = choiceIn(text);
    if (!isChoice({ ...choice, at })) {
      this.#parts.log.warn(
        { model: this.#parts.subject.model },
        'a choice in the shared store is none, and is not taken',
      );
      return;
    }
    if (mark !== undefined && mark === this.#mark) return;
    this.#mark = null;
    this.#onChoice({ ...(choice as Choice), at });
  }

  async #reached(choice: string): Promise<Reach> {
    const { log, subject } = this.#parts;
    try {
      const { sequence } = await this.replica.choice.choose(choice);
      const until = performance.now() + REACH_MS;
      for (;;) {
        this.#members = await this.replica.lease.members();
        const missing = this.#members
          .filter((member) => (aboutOf(member).choice ?? 0) < sequence && member.replica !== this.replica.id)
          .map(({ replica }) => replica);
        const of = this.#members.length;
        if (missing.length === 0 || performance.now() >= until) {
          if (missing.length > 0)
            log.warn(
              { model: subject.model, missing },
              'some replicas have not told that they took the choice',
            );
          return { taken: of - missing.length, of, missing };
        }
        await new Promise((resolve) => setTimeout(resolve, REACH_EVERY_MS));
      }
    } catch (error) {
      const problem = `${messageOf(error)}: the others hear of it when the store answers again`;
      return { taken: 1, of: null, missing: [], problem };
    }
  }

  /** Looks who else is there, and names those that learn apart. */
  async #look(): Promise<void> {
    try {
      this.#members = await this.replica.lease.members();
    } catch {
      return;
    }
    for (const member of this.#members) {
      const apart = this.#apart(member);
      if (apart === null || this.#named.has(member.replica)) continue;
      this.#named.add(member.replica);
      this.#parts.log.warn(
        { model: this.#parts.subject.model, replica: member.replica },
        `${member.replica} learns apart from this replica: ${apart}`,
      );
    }
  }

  /** Why a replica shares no evidence with this one; null: it does. */
  #apart(member: SharedMember): string | null {
    if (member.fingerprint === this.#fingerprint) return null;
    const { file, settings, version, told } = aboutOf(member);
    const inSettings = isObject(told) ? settingsDifference(told, this.#own.told ?? {}) : '';
    const differences = [
      [file, this.#own.file, 'another model file', ''],
      [settings, this.#own.settings, 'other settings', inSettings],
      [version, this.#own.version, 'another version of taustat', ''],
    ].flatMap(([theirs, own, what, named]) =>
      theirs === own ? [] : [`${what} (${named || `${theirs}, not ${own}`})`],
    );
    return differences.length === 0 ? 'records of another form' : differences.join(', ');
  }

  #log({ kind, detail }: ReplicaNews): void {
    const fields = { model: this.#parts.subject.model, replica: this.replica.id };
    if (kind === 'lost') this.#parts.log.warn(fields, `the shared store is out of reach: ${detail}`);
    else if (kind === 'refused' || kind === 'alike') this.#parts.log.warn(fields, detail);
    else this.#parts.log.info(fields, detail);
  }
}

/** What somebody wrote to the store: anything. */
function choiceIn(text: string): Partial<Choice> & { readonly mark?: string } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function aboutOf({ about }: SharedMember): About {
  return choiceIn(about) as About;
}
