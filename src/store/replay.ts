import { messageOf } from '../config/errors.ts';
import { step } from '../control/phases/controller.ts';
import type { ControllerState, ControlOptions } from '../control/phases/state.ts';
import { type AuditContent, type AuditLine, type Decision, decisionOf } from './audit.ts';

/** A logged decision, and the one derived from the log's evidence. */
export interface ReplayedDecision {
  /** Line number, from 1. */
  readonly line: number;
  readonly logged: Decision;
  /** The decision derived again. */
  readonly derived: ReturnType<typeof decisionOf>;
  /** Both are equal, down to the hash of the state. */
  readonly isSame: boolean;
}

/** A line that no audit log can hold. */
export class AuditError extends Error {
  readonly line: number;
  readonly what: string;

  constructor(line: number, what: string) {
    super(`line ${line}: ${what}`);
    this.line = line;
    this.what = what;
  }
}

/**
 * Derives every decision of a log again, from nothing but its evidence.
 *
 * @param lines - in order; the first of every run must be a start. A truncated line is skipped at the end and before a start.
 * @throws AuditError for anything else that cannot be read, and for a log without a start.
 */
export async function* replay(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<ReplayedDecision> {
  const folds = new Map<string, { options: ControlOptions; state: ControllerState }>();
  let cut: AuditError | undefined;
  let number = 0;
  for await (const text of lines) {
    number++;
    if (text === '') continue;
    const line = parsed(text, number);
    // A server killed while writing leaves a truncated line; the next server begins with a start.
    if (cut !== undefined && line?.kind !== 'start') throw cut;
    cut = undefined;
    if (line === undefined) {
      cut = new AuditError(number, 'is not JSON');
      continue;
    }
    if (line.kind === 'start') {
      if (!isObject(line.options) || !isObject(line.state))
        throw new AuditError(number, 'is a start without options or state');
      folds.set(line.run, { options: line.options, state: line.state });
      continue;
    }
    const fold = folds.get(line.run);
    if (fold === undefined) throw new AuditError(number, 'comes before the start of its run');
    if (line.kind === 'decision') {
      if (!isObject(line.production) || !isObject(line.change))
        throw new AuditError(number, 'is a decision without production or change');
      const derived = derivedAt(number, () => decisionOf(fold.state));
      const isSame = JSON.stringify(derived) === JSON.stringify(withoutKind(line));
      yield { line: number, logged: line, derived, isSame };
    } else fold.state = derivedAt(number, () => applied(line, fold.state, fold.options, number));
  }
  if (folds.size === 0) throw cut ?? new AuditError(Math.max(1, number), 'ends without the start of a run');
}

/** The controller does not check its evidence, so evidence that it did not write itself can make it throw. @throws AuditError */
function derivedAt<T>(number: number, derive: () => T): T {
  try {
    return derive();
  } catch (error) {
    if (error instanceof AuditError) throw error;
    throw new AuditError(number, `does not fit the controller: ${messageOf(error)}`);
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function applied(
  line: Exclude<AuditContent, { kind: 'start' | 'decision' }>,
  state: ControllerState,
  options: ControlOptions,
  number: number,
): ControllerState {
  if (line.kind === 'event') return step(state, line.event, options);
  if (line.kind === 'tests') return tested(line, state, options, number);
  if (line.kind !== 'comparisons')
    throw new AuditError(number, `'${(line as AuditContent).kind}' is no kind of line`);
  const { at, thresholds, due, comparisons, units } = line;
  if (![thresholds, due, comparisons].every(Array.isArray))
    throw new AuditError(number, 'is a line of comparisons without thresholds, due or comparisons');
  let next = state;
  for (let i = 0; i < comparisons.length; i += 2) {
    const [index, loss] = [comparisons[i]!, comparisons[i + 1]!];
    const unit = units?.[i / 2];
    const compared = { threshold: thresholds[index]!, loss, isDue: due[index]!, ...(unit && { unit }) };
    next = step(next, { kind: 'comparison', at, ...compared }, options);
  }
  return next;
}

function tested(
  { at, results }: Extract<AuditContent, { kind: 'tests' }>,
  state: ControllerState,
  options: ControlOptions,
  number: number,
): ControllerState {
  if (!Array.isArray(results)) throw new AuditError(number, 'holds tests without results');
  let next = state;
  for (let i = 0; i < results.length; i += 3) {
    const [rung, input, loss] = [results[i]!, results[i + 1]!, results[i + 2]!];
    next = step(next, { kind: 'tested', at, rung, input, loss }, options);
  }
  return next;
}

function withoutKind({ state, production, change, digest }: Decision) {
  return { state, production, change, digest };
}

/** @returns undefined for what is not JSON. @throws AuditError for JSON that is no line of a log. */
function parsed(text: string, number: number): AuditLine | undefined {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (isObject(line) && typeof (line as AuditLine).kind === 'string') return line as AuditLine;
  throw new AuditError(number, 'is no line of an audit log: it has no kind');
}
