import { createHash, randomBytes } from 'node:crypto';
import type { Unit } from '../control/guard/blocks.ts';
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
 * A line of the audit log, which holds everything that decisions depend on: they can be derived from it again.
 * Servers that share a folder share a log; `run` identifies the server that wrote the line.
 */
export type AuditLine = { readonly run: string } & AuditContent;

export type AuditContent =
  /** First line of a log, and first line after a gap in it, or after what another replica has decided meanwhile. */
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
   * Consecutive comparisons, two numbers each: an index into `thresholds` and `due`, and the loss. `at`: time of the last.
   * `units`: what each comparison counts with, null where it counts by itself; absent: all count by themselves.
   */
  | {
      readonly kind: 'comparisons';
      readonly at: number;
      readonly thresholds: readonly number[];
      readonly due: readonly boolean[];
      readonly comparisons: readonly number[];
      readonly units?: readonly (Unit | null)[];
    }
  /** Consecutive test results, three numbers each: rung, number of the kept input, loss. `at`: time of the last. */
  | { readonly kind: 'tests'; readonly at: number; readonly results: readonly number[] }
  /** The decision that the events before it led to. */
  | {
      readonly kind: 'decision';
      readonly state: StateName;
      readonly production: Production;
      readonly change: Change;
      /** Hash of the controller's whole state. */
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

/** Where the recorder writes its lines. */
export interface AuditSink {
  /** The next line must be a start: the log is new, was rotated, or has a gap. */
  readonly needsStart: boolean;
  write(line: AuditLine): void;
}

/** Most comparisons, or test results, in one line. */
const BATCH = 64;

/** Writes the controller's events and decisions as lines. An event that changes nothing is left out. */
export class AuditRecorder {
  readonly #sink: AuditSink;
  readonly #run = randomBytes(4).toString('hex');
  readonly #subject: { readonly model: string; readonly hash: string; readonly options: ControlOptions };
  #state: ControllerState;
  #thresholds: number[] = [];
  #due: boolean[] = [];
  #comparisons: number[] = [];
  #units: (Unit | null)[] = [];
  #results: number[] = [];
  #at = 0;
  /** The state is another than that of the log: the next line is a start. */
  #isBehind = false;

  /** @param state - the controller's state before the first recorded event. */
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
    if (event.kind === 'adopted' && state.change === before.change) {
      this.#passOver(state);
      return;
    }
    // What is adopted is a whole state.
    if (this.#sink.needsStart || (this.#isBehind && event.kind !== 'adopted')) this.#start(event.at);
    this.#isBehind = false;
    if (event.kind === 'comparison') this.#addComparison(event);
    else if (event.kind === 'tested') this.#addResult(event);
    else {
      this.flush();
      this.#write({ kind: 'event', event });
    }
    this.#state = state;
    if (state.change === before.change) return;
    this.flush();
    this.#write({ kind: 'decision', ...decisionOf(state) });
  }

  /** What another replica decides comes every second; until that is another decision, the log does not follow. */
  #passOver(state: ControllerState): void {
    this.flush();
    this.#state = state;
    this.#isBehind = true;
  }

  /** The state in the start line already includes the comparisons that wait to be written. */
  #start(at: number): void {
    this.#clear();
    this.#isBehind = false;
    this.#write({ kind: 'start', at, ...this.#subject, state: this.#state });
  }

  #write(line: AuditContent): void {
    this.#sink.write({ run: this.#run, ...line });
  }

  #clear(): void {
    this.#thresholds = [];
    this.#due = [];
    this.#comparisons = [];
    this.#units = [];
    this.#results = [];
  }

  /** Writes the waiting comparisons or test results. Only one of the two kinds waits at a time, which keeps the order. */
  flush(): void {
    if (this.#comparisons.length > 0) {
      const [thresholds, due, comparisons] = [this.#thresholds, this.#due, this.#comparisons];
      const units = this.#units.some((unit) => unit !== null) ? { units: this.#units } : {};
      this.#write({ kind: 'comparisons', at: this.#at, thresholds, due, comparisons, ...units });
    }
    if (this.#results.length > 0) this.#write({ kind: 'tests', at: this.#at, results: this.#results });
    this.#clear();
  }

  #addResult({ at, rung, input, loss }: EventOf<'tested'>): void {
    if (this.#comparisons.length > 0) this.flush();
    this.#results.push(rung, input, loss);
    this.#at = at;
    if (this.#results.length >= 3 * BATCH) this.flush();
  }

  #addComparison({ at, threshold, loss, isDue, unit }: EventOf<'comparison'>): void {
    if (this.#results.length > 0) this.flush();
    let index = this.#thresholds.findIndex((known, i) => known === threshold && this.#due[i] === isDue);
    if (index < 0) {
      index = this.#thresholds.push(threshold) - 1;
      this.#due.push(isDue);
    }
    this.#comparisons.push(index, loss);
    this.#units.push(unit ?? null);
    this.#at = at;
    if (this.#comparisons.length >= 2 * BATCH) this.flush();
  }
}

/** The fields of a decision line for a state. */
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
