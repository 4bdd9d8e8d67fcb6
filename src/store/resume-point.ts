import { createHash } from 'node:crypto';
import { MODES } from '../config/modes.ts';
import type { Config } from '../config/schema.ts';
import { EVIDENCE_FORM } from '../control/guard/evidence.ts';
import { phaseUnder } from '../control/phases/controller.ts';
import { type Fixed, fixedAt } from '../control/phases/fixed.ts';
import { interestIn } from '../control/phases/interest.ts';
import { isKeptPlan } from '../control/phases/kept-plan.ts';
import { comparedThresholds, production } from '../control/phases/production.ts';
import type { ResumePoint } from '../control/phases/resume-point.ts';
import {
  type ControllerState,
  type ControlOptions,
  initialState,
  isSearched,
} from '../control/phases/state.ts';
import { RAMP_SHARES } from '../control/rollout/ramp.ts';
import { openTests } from '../control/search/rung-tests.ts';
import { type Choice, isThreshold } from './choice.ts';
import type { StateRecord } from './store.ts';

export interface PersistedModel {
  /** Name of the model. */
  readonly model: string;
  /** SHA-256 of its file. */
  readonly hash: string;
  readonly config: Config;
  readonly control: ControlOptions;
}

type Modes = Pick<ControllerState, 'mode' | 'modeBy' | 'fixed'>;

/**
 * The state in which a model starts: the operator's choice, which always holds; and the recorded state, if it is of the same
 * model under the same settings, young enough and usable. A threshold from it still reaches production in stages.
 */
export function resumePointOf(
  record: StateRecord | null,
  choice: Choice | null,
  subject: PersistedModel,
  now: number,
): ResumePoint {
  const { config, control, hash } = subject;
  const fresh = initialState(config.control.mode, config.control.threshold, control);
  const kept = record !== null && MODES.includes(record.state.mode) ? record : null;
  const isSame =
    kept?.model === hash && kept.settings === fingerprint(subject) && isUsable(kept.state, control);
  const operatorChoice = choice ?? choiceIn(kept, subject);
  const chosen = operatorChoice === null ? fresh : chosenModes(operatorChoice, subject);
  const isRestored = kept !== null && (operatorChoice !== null || isSame);
  const fixed = isRestored ? restoredFixed(chosen.fixed, kept.state.fixed, isSame, control) : chosen.fixed;
  const modes = { mode: chosen.mode, modeBy: chosen.modeBy, fixed };
  if (kept !== null && isSame) {
    const { state, reference, objective = null, plan, savedAt } = kept;
    const isYoung = Math.abs(now - savedAt) <= config.store.maxAgeSeconds * 1000;
    const isWatched = config.sampling.ratio > 0 && state.mode !== 'off';
    const phase = phaseUnder(modes.mode, state);
    const keptPlan = isKeptPlan(plan) ? { plan } : {};
    const block = blockRequestsIn(kept);
    const keptBlock = block === undefined ? {} : { blockRequests: block };
    if (isYoung && isWatched)
      return { state: { ...state, phase, ...modes }, reference, objective, ...keptPlan, ...keptBlock };
  }
  return { state: { ...fresh, ...modes }, reference: null };
}

/**
 * The state of a model whose choice cannot be read: dense, since the model may have been switched off. This is not a choice
 * itself, so the next start tries again.
 */
export function denseWithoutChoice(problem: string, { control }: PersistedModel, now: number): ResumePoint {
  const detail = `started in mode off: what an operator chose cannot be read: ${problem}`;
  const state = initialState('off', undefined, control);
  return { state: { ...state, change: { at: now, reason: 'failure', detail } }, reference: null };
}

/** A record of before, or one that is damaged, may tell no length of a block but that of its reference. */
function blockRequestsIn({ blockRequests, reference }: StateRecord): number | undefined {
  const lengths = [blockRequests, reference?.blockRequests];
  return lengths.find((length) => Number.isInteger(length) && length! >= 1);
}

/** The choice according to a record, in case the choice's own file is lost. */
function choiceIn(kept: StateRecord | null, { config }: PersistedModel): Choice | null {
  if (kept === null || kept.state.modeBy !== 'operator') return null;
  const { mode, fixed } = kept.state;
  const isRevoked = fixed?.doubt === 'disagreement';
  return {
    mode,
    threshold: fixed?.threshold ?? null,
    isRevoked,
    model: kept.model,
    version: config.model.version,
    at: 0,
  };
}

/** A fixed threshold chosen for other weights is not applied to these: they are observed. */
function chosenModes(choice: Choice, { hash, config, control }: PersistedModel): Modes {
  const { mode, threshold, isRevoked, model, version } = choice;
  const modeBy = 'operator';
  if (mode !== 'fixed' || threshold === null) return { mode, modeBy, fixed: null };
  const isForThis = model === hash && version === config.model.version;
  if (!isForThis) return { mode: 'observe', modeBy, fixed: null };
  const fixed = fixedAt(threshold, control);
  return { mode, modeBy, fixed: isRevoked ? { ...fixed, doubt: 'disagreement' } : fixed };
}

/**
 * A fixed threshold that the guard withdrew stays withdrawn over a restart; otherwise the evidence against it goes on
 * counting. A record of another form says neither: then the threshold is withdrawn.
 */
function restoredFixed(
  chosen: Fixed | null,
  kept: Fixed | null,
  isSame: boolean,
  control: ControlOptions,
): Fixed | null {
  if (chosen === null || !isThreshold(chosen.threshold)) return null;
  if (chosen.doubt !== null || kept?.threshold !== chosen.threshold) return chosen;
  const fresh = fixedAt(chosen.threshold, control);
  const watch = isSame ? kept.watch : fresh.watch;
  return { ...fresh, watch, doubt: kept.doubt === undefined ? 'disagreement' : kept.doubt };
}

/** Whether the controller can go on from a state: a record may be damaged, or of another form. */
function isUsable(state: ControllerState, control: ControlOptions): boolean {
  try {
    interestIn(state, 0, control);
    const thresholds = [...comparedThresholds(state), production(state).threshold];
    return thresholds.every(isThreshold) && areTestsUsable(state, control);
  } catch {
    return false;
  }
}

function areTestsUsable({ phase }: ControllerState, control: ControlOptions): boolean {
  const search = isSearched(phase) ? phase.search : null;
  if (search?.tests?.kind !== 'tested') return search === null || search.tests !== undefined;
  return (
    search.tests.every >= 1 &&
    openTests(search.tests.tests, control).every(
      ({ test, inputs }) => inputs >= 0 && test.next >= 0 && search.rungs[test.rung] !== undefined,
    )
  );
}

/** Settings that do not change what evidence is worth. */
const INCIDENTAL = { unverifiedRequests: undefined, unverifiedMs: undefined };

/** Hash of the settings that decisions depend on, without the mode: what was proven under one mode holds under another. */
export function fingerprint({ config, control }: PersistedModel): string {
  const { sites, window, criticality, drift, agreement } = config;
  const relevant = {
    control: { ...control, ...INCIDENTAL },
    sites,
    window,
    criticality,
    drift,
    agreement,
    evidence: EVIDENCE_FORM,
    stages: RAMP_SHARES,
  };
  return createHash('sha256').update(JSON.stringify(relevant)).digest('hex').slice(0, 16);
}
