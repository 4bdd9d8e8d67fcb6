import { MODES, type Mode } from '../config/modes.ts';

/** The mode that an operator chose for a model. It is stored apart from the evidence, which ages. */
export interface Choice {
  readonly mode: Mode;
  /** Threshold of mode `fixed`, else null. */
  readonly threshold: number | null;
  /** The guard has withdrawn the fixed threshold. */
  readonly isRevoked: boolean;
  /** SHA-256 of the model file that the mode was chosen for. */
  readonly model: string;
  readonly version: string;
  /** Time of the choice, Unix milliseconds. */
  readonly at: number;
}

/** Whether the choice outlives a restart. */
export type Durability = { readonly durable: true } | { readonly durable: false; readonly reason: string };

/** The latest moment that a date can have, Unix milliseconds. */
const LAST_MOMENT = 8.64e15;

/** Whether a value has the form of a choice, with values that an operator could have chosen. */
export function isChoice(value: unknown): value is Choice {
  if (typeof value !== 'object' || value === null) return false;
  const { mode, threshold = null, model, version, at } = value as Partial<Choice>;
  return (
    MODES.includes(mode as Mode) &&
    (threshold === null ? mode !== 'fixed' : isThreshold(threshold)) &&
    typeof model === 'string' &&
    typeof version === 'string' &&
    Number.isSafeInteger(at) &&
    at! >= 0 &&
    at! <= LAST_MOMENT
  );
}

/** Whether a threshold can be applied: finite, τ ≥ 0. */
export function isThreshold(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** The later of two choices. */
export function laterOf(a: Choice | null, b: Choice | null): Choice | null {
  if (a === null || b === null) return a ?? b;
  return b.at > a.at ? b : a;
}
