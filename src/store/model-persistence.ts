import { join } from 'node:path';
import type { Logger } from 'pino';
import { messageOf } from '../config/errors.ts';
import type { ControlEvent } from '../control/phases/event.ts';
import type { ResumePoint } from '../control/phases/resume-point.ts';
import type { ControllerState } from '../control/phases/state.ts';
import { AuditRecorder, type Decision } from './audit.ts';
import { type Choice, type Durability, laterOf } from './choice.ts';
import { ChoicePersistence } from './choice-persistence.ts';
import { AuditFile } from './files/audit-file.ts';
import { latestDecisions } from './files/audit-tail.ts';
import { stemOf } from './files/file-names.ts';
import { FileStore } from './files/file-store.ts';
import { auditKey, choiceKey, evidenceKey } from './keys.ts';
import { denseWithoutChoice, fingerprint, type PersistedModel, resumePointOf } from './resume-point.ts';
import { type KeptChoice, RECORD_VERSION, type StateStore } from './store.ts';
import { answerWithin, endsWithin } from './time-limit.ts';

/** Time between two saves while nothing is decided; a change of state is saved at once. */
const SAVE_EVERY_MS = 5000;
/** Longest time that a start, a reload or a shutdown waits for the folder. */
const TIMEOUT_MS = 3000;
/** Time between two warnings about the same failure. */
const WARN_EVERY_MS = 60_000;

/** The parts of a model's state that are written. */
export type PersistedPart = 'choice' | 'evidence' | 'audit';

export interface PersistenceOptions {
  readonly folder: string;
  readonly log: Logger;
  /** The choice made for the model that this one replaces, written to disk or not. */
  readonly inherited?: Choice | null;
  /** Called for every failed read or write. */
  readonly onFailure?: (what: PersistedPart) => void;
}

/**
 * Keeps one model's controller state over restarts, and writes its audit log, both in the background. When that fails, a
 * warning is logged and serving goes on.
 */
export class ModelPersistence {
  readonly #subject: PersistedModel;
  readonly #store: StateStore;
  readonly #key: string;
  readonly #settings: string;
  readonly #audit: AuditFile;
  readonly #recorder: AuditRecorder;
  readonly #choices: ChoicePersistence;
  readonly #warn: (message: string) => void;
  readonly resumePoint: ResumePoint;
  /** The latest decisions before this start, oldest first. */
  readonly decisions: readonly Decision[];
  #latest: () => ResumePoint;
  #savedAt = 0;
  /** There was a step since the last save: a server that fails at its start writes nothing. */
  #isDirty = false;
  /** Time of the latest evidence, Unix milliseconds: the age of a record counts from here. */
  #evidenceAt: number;
  #lastChange: unknown;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    subject: PersistedModel,
    { store, key, resumePoint, decisions, audit, choices, evidenceAt, warn }: PersistenceParts,
  ) {
    const { model, hash, control } = subject;
    this.#evidenceAt = evidenceAt;
    this.#subject = subject;
    this.#store = store;
    this.#key = key;
    this.#settings = fingerprint(subject);
    this.resumePoint = resumePoint;
    this.decisions = decisions;
    this.#latest = () => resumePoint;
    this.#lastChange = resumePoint.state.change;
    this.#audit = audit;
    this.#choices = choices;
    this.#warn = warn;
    this.#recorder = new AuditRecorder({ model, hash, options: control }, resumePoint.state, audit);
  }

  /** Loads what was kept of the model; without a record it starts afresh. */
  static async open(subject: PersistedModel, options: PersistenceOptions): Promise<ModelPersistence> {
    const { model } = subject;
    const { folder, log, inherited = null } = options;
    const report = (what: PersistedPart, message: string) => reporter(subject, options, what, message);
    const onEvidenceFailure = report('evidence', 'state cannot be kept');
    const store = new FileStore(folder, onEvidenceFailure);
    const key = evidenceKey(subject);
    const record = await answerWithin(TIMEOUT_MS, store.load(key)).catch((error: unknown) => {
      onEvidenceFailure(error);
      return null;
    });
    const { kept, problem } = await keptChoice(store, subject, options);
    const choice = laterOf(kept?.choice ?? null, inherited);
    const now = Date.now();
    // A choice made in this process holds; an unreadable one means dense.
    const resumePoint =
      problem !== null && choice === null
        ? denseWithoutChoice(problem, subject, now)
        : resumePointOf(record, choice, subject, now);
    const choices = new ChoicePersistence({
      store,
      key: choiceKey(subject),
      kept,
      report: report('choice', 'the mode that was chosen cannot be kept'),
    });
    if (choice !== null && choice !== kept?.choice) void choices.keep(choice);
    const auditPath = join(folder, `${stemOf(auditKey(subject), 'audit')}.jsonl`);
    const onAuditUnread = report('audit', 'the audit log cannot be read');
    const decisions = await answerWithin(TIMEOUT_MS, latestDecisions(auditPath)).catch((error: unknown) => {
      onAuditUnread(error);
      return [];
    });
    const audit = new AuditFile(auditPath, {
      report: report('audit', 'the audit log cannot be written'),
    });
    if (resumePoint.state.phase.kind !== 'warming' || resumePoint.state.modeBy === 'operator')
      log.info(
        { model, mode: resumePoint.state.mode, phase: resumePoint.state.phase.kind },
        'resumed from kept state',
      );
    return new ModelPersistence(subject, {
      store,
      key,
      resumePoint,
      decisions,
      audit,
      choices,
      evidenceAt: record?.savedAt ?? Date.now(),
      warn: (message) => log.warn({ model, folder }, message),
    });
  }

  /** The operator's latest choice; null: none. */
  get choice(): Choice | null {
    return this.#choices.latest;
  }

  /** Whether the choice outlives a restart; null without a choice. */
  get durability(): Durability | null {
    return this.#choices.durability;
  }

  /** @param latest - returns the state to keep. */
  follow(latest: () => ResumePoint): void {
    this.#latest = latest;
  }

  /** Resolves once the choice is written, or cannot be written now. */
  choose(choice: Choice): Promise<Durability> {
    return this.#choices.keep(choice);
  }

  /** Must be called after every step of the controller. */
  onStep(event: ControlEvent, state: ControllerState): void {
    this.#recorder.record(event, state);
    this.#isDirty = true;
    if (event.kind === 'comparison' || event.kind === 'snapshot') this.#evidenceAt = Date.now();
    if (state.change !== this.#lastChange) {
      this.#lastChange = state.change;
      if (state.fixed?.doubt === 'disagreement') this.#choices.revoke(state.fixed.threshold);
      // After the step, when the rest of the new state is there too.
      setImmediate(() => this.#save());
    } else if (this.#timer === undefined) {
      const wait = Math.max(0, this.#savedAt + SAVE_EVERY_MS - Date.now());
      this.#timer = setTimeout(() => this.#save(), wait).unref();
    }
  }

  /** Waits until the present state is written, or the folder seems to hang. */
  async flush(): Promise<void> {
    await this.#withinTimeout(this.#flush());
  }

  /** Writes what is left; if the folder hangs, that is lost. */
  async close(): Promise<void> {
    this.#choices.close();
    await this.#withinTimeout(this.#flush().then(() => this.#audit.close()));
  }

  async #flush(): Promise<void> {
    this.#save();
    this.#recorder.flush();
    await Promise.all([this.#store.flush(), this.#choices.flush()]);
  }

  async #withinTimeout(work: Promise<void>): Promise<void> {
    if (await endsWithin(TIMEOUT_MS, work)) return;
    this.#warn(
      `the state folder has not answered for ${TIMEOUT_MS} ms: what is not written yet is not waited for`,
    );
  }

  #save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isDirty) return;
    this.#isDirty = false;
    this.#savedAt = Date.now();
    this.#store.save(this.#key, {
      version: RECORD_VERSION,
      model: this.#subject.hash,
      settings: this.#settings,
      savedAt: this.#evidenceAt,
      ...this.#latest(),
    });
  }
}

interface PersistenceParts {
  readonly store: StateStore;
  readonly key: string;
  readonly resumePoint: ResumePoint;
  readonly decisions: readonly Decision[];
  readonly audit: AuditFile;
  readonly choices: ChoicePersistence;
  readonly evidenceAt: number;
  readonly warn: (message: string) => void;
}

/** The operator's choice on disk, or why it cannot be read. */
async function keptChoice(
  store: StateStore,
  subject: PersistedModel,
  { folder, log, onFailure }: PersistenceOptions,
): Promise<{ readonly kept: KeptChoice | null; readonly problem: string | null }> {
  try {
    return { kept: await answerWithin(TIMEOUT_MS, store.loadChoice(choiceKey(subject))), problem: null };
  } catch (error) {
    const problem = messageOf(error);
    onFailure?.('choice');
    log.error(
      { model: subject.model, folder, error: problem },
      'the mode that an operator chose cannot be read: the model is dense until one is chosen',
    );
    return { kept: null, problem };
  }
}

/** A handler that counts every failure and logs one per `WARN_EVERY_MS`. */
function reporter(
  { model }: PersistedModel,
  { folder, log, onFailure }: PersistenceOptions,
  what: PersistedPart,
  message: string,
) {
  let warnedAt = Number.NEGATIVE_INFINITY;
  return (error: unknown) => {
    onFailure?.(what);
    if (performance.now() - warnedAt < WARN_EVERY_MS) return;
    warnedAt = performance.now();
    log.warn({ model, folder, error: messageOf(error) }, `${message}; serving goes on without`);
  };
}
