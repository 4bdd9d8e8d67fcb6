import { step } from '../control/phases/controller.ts';
import type { ControllerState, ControlOptions } from '../control/phases/state.ts';
import { type AuditContent, type AuditLine, type Decision, decisionOf } from './audit.ts';

/** A decision of the log beside the one that its evidence leads to. */
export interface ReplayedDecision {
  /** Line number, from 1. */
  readonly line: number;
  readonly logged: Decision;
  /** The same form, derived again. */
  readonly derived: ReturnType<typeof decisionOf>;
  /** They are the same to the last bit of the state. */
  readonly isSame: boolean;
}

/** A line that is not what a log holds. */
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
 * @param lines - in order; the first of every run must be a start. A line that was cut off is passed over,
 *   at the end and before a start.
 * @throws AuditError for anything else that cannot be read.
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
    const line = parsed(text);
    // A server that was killed while it wrote leaves half a line; the next one begins with a start.
    if (cut !== undefined && line?.kind !== 'start') throw cut;
    cut = undefined;
    if (line === undefined) {
      cut = new AuditError(number, 'is not JSON');
      continue;
    }
    if (line.kind === 'start') {
      folds.set(line.run, { options: line.options, state: line.state });
      continue;
    }
    const fold = folds.get(line.run);
    if (fold === undefined) throw new AuditError(number, 'comes before the start of its run');
    if (line.kind === 'decision') {
      const derived = decisionOf(fold.state);
      const isSame = JSON.stringify(derived) === JSON.stringify(withoutKind(line));
      yield { line: number, logged: line, derived, isSame };
    } else fold.state = applied(line, fold.state, fold.options, number);
  }
}

function applied(
  line: Exclude<AuditContent, { kind: 'start' | 'decision' }>,
  state: ControllerState,
  options: ControlOptions,
  number: number,
): ControllerState {
  if (line.kind === 'event') return step(state, line.event, options);
  if (line.kind !== 'pairs')
    throw new AuditError(number, `'${(line as AuditContent).kind}' is no kind of line`);
  const { at, thresholds, due, pairs } = line;
  let next = state;
  for (let i = 0; i < pairs.length; i += 2) {
    const [index, loss] = [pairs[i]!, pairs[i + 1]!];
    const compared = { threshold: thresholds[index]!, loss, isDue: due[index]! };
    next = step(next, { kind: 'comparison', at, ...compared }, options);
  }
  return next;
}

function withoutKind({ state, production, change, digest }: Decision) {
  return { state, production, change, digest };
}

function parsed(text: string): AuditLine | undefined {
  try {
    return JSON.parse(text) as AuditLine;
  } catch {
    return undefined;
  }
}
