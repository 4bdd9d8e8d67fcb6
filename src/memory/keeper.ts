import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { ControlEvent } from '../control/controller.ts';
import { type ControllerState, type ControlOptions, initialState } from '../control/state.ts';
import type { Memory } from '../control/thermostat.ts';
import { messageOf } from '../errors.ts';
import { AuditRecorder } from './audit.ts';
import { AuditFile } from './audit-file.ts';
import { FileStore } from './file-store.ts';
import type { Remembered, StateStore } from './store.ts';

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
  #lastChange: unknown;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    subject: KeeperSubject,
    store: StateStore,
    key: string,
    memory: Memory,
    audit: AuditFile,
  ) {
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
    const { model, hash } = subject;
    const warn = (what: string) => (error: unknown) =>
      log.warn({ model, folder, error: messageOf(error) }, `${what}; serving goes on without`);
    const key = `${model.replace(/[^\w.-]/g, '_')}-${hash.slice(0, 16)}`;
    const store = new FileStore(folder, warn('state cannot be kept'));
    const record = await store.load(key);
    const memory = recall(record, subject, Date.now());
    const audit = new AuditFile(join(folder, `${key}.audit.jsonl`), {
      report: warn('the audit log cannot be written'),
    });
    if (memory.state.phase.kind !== 'warming' || memory.state.modeBy === 'operator')
      log.info({ model, mode: memory.state.mode, phase: memory.state.phase.kind }, 'resumed from kept state');
    return new Keeper(subject, store, key, memory, audit);
  }

  /** @param latest - what is to be kept at any moment. */
  follow(latest: () => Memory): void {
    this.#latest = latest;
  }

  /** To be told of every step of the controller. */
  onStep(event: ControlEvent, state: ControllerState): void {
    this.#recorder.record(event, state);
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
      version: 1,
      model: hash,
      settings: this.#settings,
      savedAt: this.#savedAt,
      ...this.#latest(),
    });
  }
}

/**
 * What a record is worth: all of it for the same model under the same settings, when it is young enough; of any other only
 * the mode that an operator chose, since a switch that was thrown stays thrown.
 */
export function recall(record: Remembered | null, subject: KeeperSubject, now: number): Memory {
  const { config, control, hash } = subject;
  const fresh = initialState(config.control.mode, config.control.threshold, control);
  if (record === null || record.model !== hash) return { state: fresh, reference: null };
  const { state, reference } = record;
  const isOperators = state.modeBy === 'operator';
  const { mode, modeBy, fixed } = isOperators ? state : fresh;
  const isYoung = now - record.savedAt <= config.store.maxAgeSeconds * 1000;
  if (isYoung && record.settings === fingerprint(subject))
    return { state: { ...state, mode, modeBy, fixed }, reference };
  return { state: { ...fresh, mode, modeBy, fixed }, reference: null };
}

/** Of the settings that decisions depend on, the mode aside: what was proven under one mode holds under another. */
export function fingerprint({ config, control }: KeeperSubject): string {
  const { sites, window, criticality, drift, agreement } = config;
  const relevant = { control, sites, window, criticality, drift, agreement };
  return createHash('sha256').update(JSON.stringify(relevant)).digest('hex').slice(0, 16);
}
