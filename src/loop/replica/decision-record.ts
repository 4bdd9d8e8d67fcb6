import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Objective } from '../../control/guard/objective.ts';
import { interestIn } from '../../control/phases/interest.ts';
import { comparedThresholds, production } from '../../control/phases/production.ts';
import { sharedPart } from '../../control/phases/shared-state.ts';
import type { ControllerState, ControlOptions } from '../../control/phases/state.ts';
import type { DriftReference } from '../../drift/detector.ts';
import { isThreshold } from '../../store/choice.ts';
import type { SharedDecision } from '../../store/shared/shared-store.ts';
import type { Asked } from '../pilot-questions.ts';
import type { Inbox } from './inbox.ts';

/** More than any decision takes. */
const MOST_BYTES = 64 * 2 ** 20;

/** What is decided for all replicas. Plain JSON. */
export interface DecisionState {
  readonly state: ControllerState;
  readonly objective: Objective | null;
  /** How answers are judged is about to be decided anew. */
  readonly isJudging: boolean;
  readonly blockRequests: number;
  /** Sequence of the operator's choice that it has heard of. */
  readonly choice: number;
  /** What the pilot asks of every replica; null: nothing. */
  readonly asked: Asked | null;
}

/** What the next one that decides needs beside. Plain JSON. */
export interface DecisionMemory {
  readonly reference: DriftReference | null;
  /** Evidence up to this place of its log is in the state; null: none. */
  readonly evidence: string | null;
  readonly taken: Inbox['taken'];
}

export function encodeDecision(
  revision: number,
  state: DecisionState,
  memory: DecisionMemory,
): SharedDecision {
  const shared = { ...state, state: sharedPart(state.state) };
  return { revision, state: packed(shared), memory: packed(memory) };
}

/** JSON, deflated, as text: every replica reads it. */
function packed(value: unknown): string {
  return deflateRawSync(JSON.stringify(value), { level: 1 }).toString('base64');
}

/** @throws Error for what is none. */
function unpacked(text: string): unknown {
  const plain = inflateRawSync(Buffer.from(text, 'base64'), { maxOutputLength: MOST_BYTES });
  return JSON.parse(plain.toString());
}

/** @throws Error that says why a replica cannot do so. */
export function decodeState(text: string, control: ControlOptions): DecisionState {
  const decision = unpacked(text) as DecisionState;
  const { state, choice, blockRequests, isJudging } = decision;
  const isWhole =
    typeof state?.epoch === 'number' &&
    Number.isSafeInteger(choice) &&
    Number.isInteger(blockRequests) &&
    blockRequests >= 1 &&
    typeof isJudging === 'boolean';
  if (!isWhole) throw new Error('the decision is not whole');
  interestIn(state, 0, control);
  const thresholds = [...comparedThresholds(state), production(state).threshold];
  if (!thresholds.every(isThreshold)) throw new Error('the decision has a threshold that is none');
  return decision;
}

/** What cannot be read is not needed: drift is then measured from now. */
export function decodeMemory(text: string): DecisionMemory {
  try {
    const memory = unpacked(text) as DecisionMemory;
    if (typeof memory === 'object' && memory !== null && Array.isArray(memory.taken)) return memory;
  } catch {}
  return { reference: null, evidence: null, taken: [] };
}
