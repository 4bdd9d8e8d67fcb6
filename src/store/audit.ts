import { createHash, randomBytes } from 'node:crypto';
import type { ControlEvent, EventOf } from '../control/phases/event.ts';
import { type Production, production, stateName } from '../control/phases/production.ts';
import {
  type Change,
  type ControllerState,
  type ControlOptions,
  STATE_NAMES,
  type StateName,
} from '../control/phases/state.ts';

/**
 * A line of the audit log. The log holds everything that decisions depend on, so that they can be derived again from it.
 * Servers that share a folder share a log: `run` tells whose line it is.
 */
export type AuditLine = { readonly run: string } & AuditContent;

export type AuditContent =
  /** From here on: a log, or what follows a gap in it. */
  | {
      readonly kind: 'start';
      readonly at: number;
      readonly model: string;
      readonly hash: string;
      readonly options: ControlOptions;
      readonly state: ControllerState;
    }
  | { readonly kind: 'event'; readonly event: ControlEvent }
  /**
   * Comparisons in a row: an index into `thresholds` and `due` and the loss, alternating. `at` is the time of the last.
   */
  | {
      readonly kind: 'pairs';
      readonly at: number;
      readonly thresholds: readonly number[];
      readonly due: readonly boolean[];
      readonly pairs: readonly number[];
    }
  /** What kept inputs have lost, in a row: rung, number of the input and loss, alternating. `at` is the time of the last. */
  | { readonly kind: 'tests'; readonly at: number; readonly results: readonly number[] }
  /** What the last event led to. */
  | {
      readonly kind: 'decision';
      readonly state: StateName;
      readonly production: Production;
      readonly change: Change;
      /** Of the whole state of the controller. */
      readonly digest: string;
    };

export type Decision = Extract<AuditContent, { kind: 'decision' }>;

/** Whether a line that another program may have written is a decision that can be shown. */
export function isDecision(line: AuditContent): line is Decision {
  return (
    line.kind === 'decision' &&
    STATE_NAMES.some((name) => name === line.state) &&
    [line.production?.threshold, line.production?.share, line.production?.rest].every(Number.isFinite) &&
    Number.isFinite(line.change?.at) &&
    typeof line.change.reason === 'string' &&
    typeof line.change.detail === 'string'
  );
}

/** Where lines go. */
export interface AuditSink {
  /** The next line must be a start: the log is new, was set aside, or has a gap. */
  readonly needsStart: boolean;
  write(line: AuditLine): void;
}

/** Comparisons, or results of tests, per line. */
const BATCH = 64;

/** Turns what the controller hears and decides into lines. Events that change nothing leave none. */
export class AuditRecorder {
  readonly #sink: AuditSink;
  readonly #run = randomBytes(4).toString('hex');
  readonly #subject: { readonly model: string; readonly hash: string; readonly options: ControlOptions };
  #state: ControllerState;
  #thresholds: number[] = [];
  #due: boolean[] = [];
  #pairs: number[] = [];
  #results: number[] = [];
  #at = 0;

  /** @param state - before the first event that will be recorded. */
  constructor(
    subject: { readonly model: string; readonly hash: string; readonly options: ControlOptions },
    state: ControllerState,
    sink: AuditSink,
  ) {
    this.#subject = subject;
    this.#state = state;
    this.#sink = sink;
  }

  record(event: ControlEvent, state: ControllerState): void {
    const before = this.#state;
    if (state === before) return;
    if (this.#sink.needsStart) this.#start(event.at);
    if (event.kind === 'comparison') this.#pair(event);
    else if (event.kind === 'tested') this.#result(event);
    else {
      this.flush();
      this.#write({ kind: 'event', event });
    }
    this.#state = state;
    if (state.change === before.change) return;
    this.flush();
    this.#write({ kind: 'decision', ...decisionOf(state) });
  }

  /** The state in a start line holds what the waiting comparisons have led to. */
  #start(at: number): void {
    this.#forget();
    this.#write({ kind: 'start', at, ...this.#subject, state: this.#state });
  }

  #write(line: AuditContent): void {
    this.#sink.write({ run: this.#run, ...line });
  }

  #forget(): void {
    this.#thresholds = [];
    this.#due = [];
    this.#pairs = [];
    this.#results = [];
  }

  /** Writes what waits for more. There is only one kind of it at a time, so that the order is kept. */
  flush(): void {
    const pairs = { thresholds: this.#thresholds, due: this.#due, pairs: this.#pairs };
    if (this.#pairs.length > 0) this.#write({ kind: 'pairs', at: this.#at, ...pairs });
    if (this.#results.length > 0) this.#write({ kind: 'tests', at: this.#at, results: this.#results });
    this.#forget();
  }

  #result({ at, rung, input, loss }: EventOf<'tested'>): void {
    if (this.#pairs.length > 0) this.flush();
    this.#results.push(rung, input, loss);
    this.#at = at;
    if (this.#results.length >= 3 * BATCH) this.flush();
  }

  #pair({ at, threshold, loss, isDue }: EventOf<'comparison'>): void {
    if (this.#results.length > 0) this.flush();
    let index = this.#thresholds.findIndex((known, i) => known === threshold && this.#due[i] === isDue);
    if (index < 0) {
      index = this.#thresholds.push(threshold) - 1;
      this.#due.push(isDue);
    }
    this.#pairs.push(index, loss);
    this.#at = at;
    if (this.#pairs.length >= 2 * BATCH) this.flush();
  }
}

/** What a decision line says of a state. */
export function decisionOf(state: ControllerState) {
  return {
    state: stateName(state),
    production: production(state),
    change: state.change,
    digest: digestOf(state),
  };
}

/** The first 64 bits, in hex, of the SHA-256 of the state as JSON. */
function digestOf(state: ControllerState): string {
  return createHash('sha256').update(JSON.stringify(state)).digest('hex').slice(0, 16);
}
