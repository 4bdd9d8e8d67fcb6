import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { phaseUnder } from '../control/controller.ts';
import type { ControlEvent } from '../control/event.ts';
import { EVIDENCE_FORM } from '../control/evidence.ts';
import { type Fixed, fixedAt } from '../control/fixed.ts';
import { interestIn, judgedThresholds, production } from '../control/production.ts';
import { type ControllerState, type ControlOptions, initialState, MODES } from '../control/state.ts';
import type { Memory } from '../control/thermostat.ts';
import { messageOf } from '../errors.ts';
import { AuditRecorder } from './audit.ts';
import { AuditFile } from './audit-file.ts';
import { FileStore } from './file-store.ts';
import { RECORD_VERSION, type Remembered, type StateStore } from './store.ts';

/** Evidence that no decision has come of is saved this often; a change of state at once. */
const SAVE_EVERY_MS = 5000;

export interface KeeperSubject {
  /** Name of the model. */
  readonly model: string;
  /** SHA-256 of its file. */
  readonly hash: string;
  readonly config: Config;
  readonly control: ControlOptions;
}

/** Where state is kept when no folder is given: as the XDG base directory specification has it. */
export function defaultStateFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'taustat');
}

/**
 * Keeps one model's thermostat over restarts, and an account of its decisions. Both are written in the background; when
 * that fails, a warning is logged and serving goes on.
 */
export class Keeper {
  readonly #subject: KeeperSubject;
  readonly #store: StateStore;
  readonly #key: string;
  readonly #settings: string;
  readonly #audit: AuditFile;
  readonly #recorder: AuditRecorder;
  readonly memory: Memory;
  #latest: () => Memory;
  #savedAt = 0;
  /** When evidence last came in, which is what grows old. */
  #evidenceAt: number;
  #lastChange: unknown;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    subject: KeeperSubject,
    store: StateStore,
    key: string,
    memory: Memory,
    audit: AuditFile,
    evidenceAt: number,
  ) {
    this.#evidenceAt = evidenceAt;
    const { model, hash, control } = subject;
    this.#subject = subject;
    this.#store = store;
    this.#key = key;
    this.#settings = fingerprint(subject);
    this.memory = memory;
    this.#latest = () => memory;
    this.#lastChange = memory.state.change;
    this.#audit = audit;
    this.#recorder = new AuditRecorder({ model, hash, options: control }, memory.state, audit);
  }

  /** What was kept of the model, or the beginning. */
  static async open(subject: KeeperSubject, folder: string, log: Logger): Promise<Keeper> {
    const { model } = subject;
    const warn = (what: string) => (error: unknown) =>
      log.warn({ model, folder, error: messageOf(error) }, `${what}; serving goes on without`);
    // By name, as an operator addresses it: what was switched off stays off when the file changes. Evidence asks for the hash.
    const key = `${model}-${subject.config.model.version}`.replace(/[^\w.-]/g, '_');
    const store = new FileStore(folder, warn('state cannot be kept'));
    const record = await store.load(key);
    const memory = recall(record, subject, Date.now());
    const audit = new AuditFile(join(folder, `${key}.audit.jsonl`), {
      report: warn('the audit log cannot be written'),
    });
    if (memory.state.phase.kind !== 'warming' || memory.state.modeBy === 'operator')
      log.info({ model, mode: memory.state.mode, phase: memory.state.phase.kind }, 'resumed from kept state');
    return new Keeper(subject, store, key, memory, audit, record?.savedAt ?? Date.now());
  }

  /** @param latest - what is to be kept at any moment. */
  follow(latest: () => Memory): void {
    this.#latest = latest;
  }

  /** To be told of every step of the controller. */
  onStep(event: ControlEvent, state: ControllerState): void {
    this.#recorder.record(event, state);
    if (event.kind === 'pair' || event.kind === 'snapshot') this.#evidenceAt = Date.now();
    if (state.change !== this.#lastChange) {
      this.#lastChange = state.change;
      // Once the step is over, so that what belongs to the new state is there too.
      setImmediate(() => this.#save());
    } else if (this.#timer === undefined) {
      const wait = Math.max(0, this.#savedAt + SAVE_EVERY_MS - Date.now());
      this.#timer = setTimeout(() => this.#save(), wait).unref();
    }
  }

  /** Waits until the present state is safe. */
  async flush(): Promise<void> {
    this.#save();
    this.#recorder.flush();
    await this.#store.flush();
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#audit.close();
  }

  #save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#savedAt = Date.now();
    const { hash } = this.#subject;
    this.#store.save(this.#key, {
      version: RECORD_VERSION,
      model: hash,
      settings: this.#settings,
      savedAt: this.#evidenceAt,
      ...this.#latest(),
    });
  }
}

/**
 * What a record is worth: all of it for the same model under the same settings, when its evidence is young enough and the
 * controller can go on from it; of any other only the mode that an operator chose, since a switch that was thrown stays
 * thrown. What was proven while production was at something else still reaches it in stages.
 */
export function recall(record: Remembered | null, subject: KeeperSubject, now: number): Memory {
  const { config, control, hash } = subject;
  const fresh = initialState(config.control.mode, config.control.threshold, control);
  if (record === null || !MODES.includes(record.state.mode)) return { state: fresh, reference: null };
  const { state, reference } = record;
  const isOperators = state.modeBy === 'operator';
  const isSame = record.model === hash && record.settings === fingerprint(subject) && isUsable(state);
  const chosen = isOperators ? state : fresh;
  const fixed =
    isOperators || isSame ? recalledFixed(chosen.fixed, state.fixed, isSame, control) : chosen.fixed;
  // A threshold for other weights proves nothing.
  const mode = chosen.mode === 'fixed' && record.model !== hash && isOperators ? 'observe' : chosen.mode;
  const modes = { mode, modeBy: chosen.modeBy, fixed: mode === 'fixed' ? fixed : null };
  const isYoung = Math.abs(now - record.savedAt) <= config.store.maxAgeSeconds * 1000;
  const isWatched = config.sampling.ratio > 0 && state.mode !== 'off';
  if (isYoung && isSame && isWatched) {
    const phase = phaseUnder(mode, state);
    return { state: { ...state, phase, ...modes }, reference };
  }
  return { state: { ...fresh, ...modes }, reference: null };
}

/**
 * A fixed threshold that the guard has taken back is not given again by starting anew, and one that it has not is looked at
 * as closely as a new one. A record of another form does not tell which it is: then it is taken back.
 */
function recalledFixed(
  chosen: Fixed | null,
  kept: Fixed | null,
  isSame: boolean,
  control: ControlOptions,
): Fixed | null {
  if (chosen === null || !Number.isFinite(chosen.threshold)) return null;
  const fresh = fixedAt(chosen.threshold, control);
  if (kept?.threshold !== chosen.threshold) return fresh;
  const watch = isSame ? kept.watch : fresh.watch;
  return { ...fresh, watch, doubt: kept.doubt === undefined ? 'disagreement' : kept.doubt };
}

/** Whether everything that is asked of a state has an answer: a record may be damaged, or of another form. */
function isUsable(state: ControllerState): boolean {
  try {
    interestIn(state, 0);
    return [...judgedThresholds(state), production(state).threshold].every(Number.isFinite);
  } catch {
    return false;
  }
}

/** How long evidence may stay away says nothing of what it is worth. */
const INCIDENTAL = { unverifiedRequests: undefined, unverifiedMs: undefined };

/** Of the settings that decisions depend on, the mode aside: what was proven under one mode holds under another. */
export function fingerprint({ config, control }: KeeperSubject): string {
  const { sites, window, criticality, drift, agreement } = config;
  const relevant = {
    control: { ...control, ...INCIDENTAL },
    sites,
    window,
    criticality,
    drift,
    agreement,
    evidence: EVIDENCE_FORM,
  };
  return createHash('sha256').update(JSON.stringify(relevant)).digest('hex').slice(0, 16);
}
