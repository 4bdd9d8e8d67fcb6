import { join } from 'node:path';
import type { Logger } from 'pino';
import { messageOf } from '../config/errors.ts';
import type { ControlEvent } from '../control/phases/event.ts';
import type { ResumePoint } from '../control/phases/resume-point.ts';
import type { ControllerState } from '../control/phases/state.ts';
import { AuditRecorder, type Decision } from './audit.ts';
import { type Choice, type Durability, laterOf } from './choice.ts';
import { ChoiceKeeper } from './choice-keeper.ts';
import { AuditFile } from './files/audit-file.ts';
import { latestDecisions } from './files/audit-tail.ts';
import { stemOf } from './files/file-names.ts';
import { FileStore } from './files/file-store.ts';
import { auditKey, choiceKey, evidenceKey } from './keys.ts';
import { denseInDoubt, fingerprint, type KeeperSubject, resumePointOf } from './resume-point.ts';
import { type KeptChoice, RECORD_VERSION, type StateStore } from './store.ts';
import { answerWithin, endsWithin } from './time-limit.ts';

/** Evidence that no decision has come of is saved this often; a change of state at once. */
const SAVE_EVERY_MS = 5000;
/** How long a folder that hangs may hold up what waits for it: a start, a reload, the end of the server. */
const PATIENCE_MS = 3000;
/** What keeps failing is told of this often. */
const WARN_EVERY_MS = 60_000;

/** What can fail to be written. */
export type KeptThing = 'choice' | 'evidence' | 'audit';

export interface KeeperOptions {
  readonly folder: string;
  readonly log: Logger;
  /** What the model that this one takes the place of was told, whether that is safe on disk or not. */
  readonly inherited?: Choice | null;
  /** Counts what could not be written or read. */
  readonly onFailure?: (what: KeptThing) => void;
}

/**
 * Keeps one model's thermostat over restarts, and an account of its decisions. All of it is written in the background;
 * when that fails, a warning is logged and serving goes on.
 */
export class Keeper {
  readonly #subject: KeeperSubject;
  readonly #store: StateStore;
  readonly #key: string;
  readonly #settings: string;
  readonly #audit: AuditFile;
  readonly #recorder: AuditRecorder;
  readonly #choices: ChoiceKeeper;
  readonly #warn: (message: string) => void;
  readonly resumePoint: ResumePoint;
  /** The latest decisions before this start, oldest first. */
  readonly decisions: readonly Decision[];
  #latest: () => ResumePoint;
  #savedAt = 0;
  /** Something has happened since the last save: a server that only starts and fails leaves nothing behind. */
  #isDirty = false;
  /** When evidence last came in, which is what grows old. */
  #evidenceAt: number;
  #lastChange: unknown;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    subject: KeeperSubject,
    { store, key, resumePoint, decisions, audit, choices, evidenceAt, warn }: KeeperParts,
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

  /** What was kept of the model, or the beginning. */
  static async open(subject: KeeperSubject, options: KeeperOptions): Promise<Keeper> {
    const { model } = subject;
    const { folder, log, inherited = null } = options;
    const report = (what: KeptThing, message: string) => reporter(subject, options, what, message);
    const onEvidenceFailure = report('evidence', 'state cannot be kept');
    const store = new FileStore(folder, onEvidenceFailure);
    const key = evidenceKey(subject);
    const record = await answerWithin(PATIENCE_MS, store.load(key)).catch((error: unknown) => {
      onEvidenceFailure(error);
      return null;
    });
    const { kept, doubt } = await keptChoice(store, subject, options);
    const choice = laterOf(kept?.choice ?? null, inherited);
    const now = Date.now();
    // What this process was told holds; what nobody knows ends in dense.
    const resumePoint =
      doubt !== null && choice === null
        ? denseInDoubt(doubt, subject, now)
        : resumePointOf(record, choice, subject, now);
    const choices = new ChoiceKeeper({
      store,
      key: choiceKey(subject),
      kept,
      report: report('choice', 'the mode that was chosen cannot be kept'),
    });
    if (choice !== null && choice !== kept?.choice) void choices.keep(choice);
    const auditPath = join(folder, `${stemOf(auditKey(subject), 'audit')}.jsonl`);
    const onAuditUnread = report('audit', 'the audit log cannot be read');
    const decisions = await answerWithin(PATIENCE_MS, latestDecisions(auditPath)).catch((error: unknown) => {
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
    return new Keeper(subject, {
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

  /** What an operator has chosen, now or before; null: nothing. */
  get choice(): Choice | null {
    return this.#choices.latest;
  }

  /** Whether that outlives a restart; null where nothing was chosen. */
  get durability(): Durability | null {
    return this.#choices.durability;
  }

  /** @param latest - what is to be kept at any moment. */
  follow(latest: () => ResumePoint): void {
    this.#latest = latest;
  }

  /** Resolves when the choice outlives a restart, or cannot be made to now. */
  choose(choice: Choice): Promise<Durability> {
    return this.#choices.keep(choice);
  }

  /** To be told of every step of the controller. */
  onStep(event: ControlEvent, state: ControllerState): void {
    this.#recorder.record(event, state);
    this.#isDirty = true;
    if (event.kind === 'comparison' || event.kind === 'snapshot') this.#evidenceAt = Date.now();
    if (state.change !== this.#lastChange) {
      this.#lastChange = state.change;
      if (state.fixed?.doubt === 'disagreement') this.#choices.revoke(state.fixed.threshold);
      // Once the step is over, so that what belongs to the new state is there too.
      setImmediate(() => this.#save());
    } else if (this.#timer === undefined) {
      const wait = Math.max(0, this.#savedAt + SAVE_EVERY_MS - Date.now());
      this.#timer = setTimeout(() => this.#save(), wait).unref();
    }
  }

  /** Waits until the present state is safe, or for so long that the folder seems to hang. */
  async flush(): Promise<void> {
    await this.#inTime(this.#flush());
  }

  /** Writes what is left, unless the folder hangs: then that is lost. */
  async close(): Promise<void> {
    this.#choices.close();
    await this.#inTime(this.#flush().then(() => this.#audit.close()));
  }

  async #flush(): Promise<void> {
    this.#save();
    this.#recorder.flush();
    await Promise.all([this.#store.flush(), this.#choices.flush()]);
  }

  async #inTime(work: Promise<void>): Promise<void> {
    if (await endsWithin(PATIENCE_MS, work)) return;
    this.#warn(
      `the state folder has not answered for ${PATIENCE_MS} ms: what is not written yet is not waited for`,
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

interface KeeperParts {
  readonly store: StateStore;
  readonly key: string;
  readonly resumePoint: ResumePoint;
  readonly decisions: readonly Decision[];
  readonly audit: AuditFile;
  readonly choices: ChoiceKeeper;
  readonly evidenceAt: number;
  readonly warn: (message: string) => void;
}

/** What an operator chose before, or why nobody can tell. */
async function keptChoice(
  store: StateStore,
  subject: KeeperSubject,
  { folder, log, onFailure }: KeeperOptions,
): Promise<{ readonly kept: KeptChoice | null; readonly doubt: string | null }> {
  try {
    return { kept: await answerWithin(PATIENCE_MS, store.loadChoice(choiceKey(subject))), doubt: null };
  } catch (error) {
    const doubt = messageOf(error);
    onFailure?.('choice');
    log.error(
      { model: subject.model, folder, error: doubt },
      'the mode that an operator chose cannot be read: the model is dense until one is chosen',
    );
    return { kept: null, doubt };
  }
}

/** Every failure is counted, and one in a while told of. */
function reporter(
  { model }: KeeperSubject,
  { folder, log, onFailure }: KeeperOptions,
  what: KeptThing,
  message: string,
) {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (error: unknown) => {
    onFailure?.(what);
    if (performance.now() - toldAt < WARN_EVERY_MS) return;
    toldAt = performance.now();
    log.warn({ model, folder, error: messageOf(error) }, `${message}; serving goes on without`);
  };
}
