import type { Criticality, CriticalPoint } from '../criticality/critical-point.ts';
import type { FreeEnergyCurve } from '../criticality/free-energy.ts';
import { type DriftOptions, driftReference, readDrift } from '../drift/detector.ts';
import type { SiteHistograms } from '../estimator/rolling-window.ts';
import { isProven, noEvidence, observe, wealth } from './evidence.ts';
import {
  alarmOf,
  type Candidate,
  type Change,
  type ChangeReason,
  type ControllerState,
  type ControlOptions,
  type Mode,
  type Phase,
  RUNGS,
} from './state.ts';

/** What the controller is told. Times are milliseconds since the epoch. */
export type ControlEvent =
  /** The window moved on: its critical point and what its newest part looks like. */
  | {
      readonly kind: 'snapshot';
      readonly at: number;
      readonly samples: number;
      readonly newSamples: number;
      readonly criticality: Criticality | null;
      /** The slices of the window, per site. */
      readonly slices: readonly SiteHistograms[];
      readonly recent: SiteHistograms;
    }
  /** A sampled request was answered both ways at `threshold`; `disagreement` is the share of its rows, 0–1. */
  | {
      readonly kind: 'pair';
      readonly at: number;
      readonly threshold: number;
      readonly disagreement: number;
    }
  /** The estimator or the controller itself failed: nothing that it said before can be relied on. */
  | { readonly kind: 'failure'; readonly at: number; readonly message: string }
  | { readonly kind: 'mode'; readonly at: number; readonly mode: Mode; readonly threshold?: number };

export interface ControllerOptions extends ControlOptions {
  readonly drift: DriftOptions & { readonly recentSlices: number };
}

/** The controller: a pure fold over events. Returns the same object when nothing changed. */
export function step(
  state: ControllerState,
  event: ControlEvent,
  options: ControllerOptions,
): ControllerState {
  switch (event.kind) {
    case 'mode':
      return onMode(state, event, options);
    case 'pair':
      return onPair(state, event, options);
    case 'failure':
      return {
        ...moved(state, fallback('failure', 0, options.cooldownSamples), event.at, 'failure', event.message),
        epoch: state.epoch + 1,
      };
    case 'snapshot':
      return onSnapshot(state, event, options);
  }
}

type EventOf<K extends ControlEvent['kind']> = Extract<ControlEvent, { kind: K }>;

function onMode(state: ControllerState, event: EventOf<'mode'>, options: ControllerOptions): ControllerState {
  const { mode, threshold = 0, at } = event;
  const detail = mode === 'fixed' ? `mode fixed at τ = ${threshold}` : `mode ${mode}`;
  const fixed = mode === 'fixed' ? { threshold, alarm: alarmOf(options), isRevoked: false } : null;
  // What was learnt under another mode was learnt from the same traffic, except that `off` saw none of it.
  const isAfresh = state.mode === 'off' && mode !== 'off';
  const phase: Phase = isAfresh || state.phase.kind === 'fallback' ? { kind: 'warming' } : state.phase;
  return {
    mode,
    fixed,
    phase,
    epoch: isAfresh ? state.epoch + 1 : state.epoch,
    change: { at, reason: 'operator', detail },
  };
}

function onPair(state: ControllerState, event: EventOf<'pair'>, options: ControllerOptions): ControllerState {
  const { threshold, disagreement, at } = event;
  const { phase } = state;
  if (state.mode === 'off') return state;
  if (state.mode === 'fixed') return onFixedPair(state, event, options);
  if (phase.kind === 'tracking' && threshold === phase.candidate.threshold) {
    const alarm = observe(phase.alarm, disagreement);
    if (!isProven(alarm, options.alpha))
      return { ...state, phase: { ...phase, alarm: floorAtStart(alarm, options) } };
    const next = fallback('disagreement', phase.candidate.rung + 1, options.cooldownSamples);
    return moved(state, next, at, 'disagreement', disagreementDetail(threshold, wealth(alarm), options));
  }
  if (phase.kind === 'trial' && threshold === phase.candidate.threshold) {
    return onTrialPair(state, phase, observe(phase.evidence.accept, disagreement), event, options);
  }
  return state;
}

function onFixedPair(
  state: ControllerState,
  event: EventOf<'pair'>,
  options: ControllerOptions,
): ControllerState {
  const { fixed } = state;
  if (fixed === null || fixed.isRevoked || event.threshold !== fixed.threshold) return state;
  const alarm = observe(fixed.alarm, event.disagreement);
  if (!isProven(alarm, options.alpha))
    return { ...state, fixed: { ...fixed, alarm: floorAtStart(alarm, options) } };
  const detail = disagreementDetail(event.threshold, wealth(alarm), options);
  return {
    ...state,
    fixed: { ...fixed, alarm, isRevoked: true },
    change: { at: event.at, reason: 'disagreement', detail },
  };
}

type PhaseOf<K extends Phase['kind']> = Extract<Phase, { kind: K }>;

function onTrialPair(
  state: ControllerState,
  phase: PhaseOf<'trial'>,
  accept: PhaseOf<'trial'>['evidence']['accept'],
  event: EventOf<'pair'>,
  options: ControllerOptions,
): ControllerState {
  const { at, threshold, disagreement } = event;
  const reject = observe(phase.evidence.reject, disagreement);
  if (isProven(accept, options.alpha)) {
    const { candidate, critical, reference, drift } = phase;
    const next: Phase = { kind: 'tracking', candidate, critical, reference, drift, alarm: alarmOf(options) };
    const detail = `agreement at τ = ${threshold} is above ${options.agreementFloor} after ${accept.observations} sampled requests`;
    return moved(state, next, at, 'agreement-proven', detail);
  }
  const isRejected = isProven(reject, options.alpha);
  if (!isRejected && accept.observations < options.trialSamples) {
    return { ...state, phase: { ...phase, evidence: { accept, reject } } };
  }
  const reason: ChangeReason = isRejected ? 'disagreement' : 'agreement-unproven';
  const detail = isRejected
    ? disagreementDetail(threshold, wealth(reject), options)
    : `agreement at τ = ${threshold} is not proven above ${options.agreementFloor} after ${accept.observations} sampled requests`;
  return moved(state, fallback('disagreement', phase.candidate.rung + 1, 0), at, reason, detail);
}

function onSnapshot(
  state: ControllerState,
  event: EventOf<'snapshot'>,
  options: ControllerOptions,
): ControllerState {
  if (state.mode === 'off') return state;
  const { phase } = state;
  switch (phase.kind) {
    case 'fallback': {
      const samplesLeft = phase.samplesLeft - event.newSamples;
      if (samplesLeft > 0) return { ...state, phase: { ...phase, samplesLeft } };
      return seek(state, event, options, phase.rung);
    }
    case 'warming':
    case 'drifted':
    case 'featureless':
      return seek(state, event, options, 0);
    case 'trial':
    case 'tracking':
      return watchDrift(state, phase, event, options);
  }
}

/** Looks for a critical point in a window that is full enough, and begins a trial at it. */
function seek(
  state: ControllerState,
  event: EventOf<'snapshot'>,
  options: ControllerOptions,
  rung: number,
): ControllerState {
  if (event.samples < options.warmSamples) return state;
  const critical = event.criticality?.critical ?? null;
  if (critical === null || event.criticality === null) {
    if (state.phase.kind === 'featureless') return state;
    return moved(
      state,
      { kind: 'featureless' },
      event.at,
      'no-feature',
      'the free energy shows no significant feature',
    );
  }
  if (rung >= RUNGS.length) {
    const next = fallback('disagreement', 0, options.cooldownSamples);
    return moved(
      state,
      next,
      event.at,
      'disagreement',
      'no candidate agreed often enough with the dense model',
    );
  }
  const candidate = candidateAt(rung, critical, event.criticality.curve);
  const next: Phase = {
    kind: 'trial',
    candidate,
    critical,
    reference: driftReference(event.slices, options.drift.recentSlices, options.drift),
    evidence: {
      accept: noEvidence('below', 1 - options.agreementFloor),
      reject: alarmOf(options),
    },
    drift: null,
  };
  const detail = `${critical.feature} of F at τ* = ${critical.threshold}, β* = ${critical.sparsity.toFixed(3)}; trying τ = ${candidate.threshold}`;
  return moved(state, next, event.at, rung === 0 ? 'critical-point' : 'retry', detail);
}

/** The largest threshold on the curve with at most this rung's share of the critical sparsity. */
function candidateAt(rung: number, critical: CriticalPoint, curve: FreeEnergyCurve): Candidate {
  if (rung === 0) return { threshold: critical.threshold, sparsity: critical.sparsity, rung };
  const target = critical.sparsity * (RUNGS[rung] ?? 0);
  let index = 0;
  for (let i = 0; i < curve.sparsity.length && curve.sparsity[i]! <= target; i++) index = i;
  return { threshold: curve.thresholds[index]!, sparsity: curve.sparsity[index]!, rung };
}

function watchDrift(
  state: ControllerState,
  phase: PhaseOf<'trial'> | PhaseOf<'tracking'>,
  event: EventOf<'snapshot'>,
  options: ControllerOptions,
): ControllerState {
  const drift = readDrift(phase.reference, event.recent, phase.drift?.streak ?? 0, options.drift);
  if (!drift.isDrift) return { ...state, phase: { ...phase, drift } };
  const detail = `distance ${drift.distance.toFixed(3)} at site ${drift.site} is above ${drift.limit.toFixed(3)}`;
  const next = moved(state, { kind: 'drifted', drift }, event.at, 'drift', detail);
  return { ...next, epoch: state.epoch + 1 };
}

function fallback(reason: PhaseOf<'fallback'>['reason'], rung: number, samplesLeft: number): Phase {
  return { kind: 'fallback', reason, rung, samplesLeft };
}

function moved(
  state: ControllerState,
  phase: Phase,
  at: number,
  reason: ChangeReason,
  detail: string,
): ControllerState {
  const change: Change = { at, reason, detail };
  return { ...state, phase, change };
}

/**
 * An alarm that has lost its stakes starts again: otherwise a long quiet time would have to be won back first.
 * Source: the Shiryaev–Roberts / CUSUM idea of restarting the statistic at its floor.
 */
function floorAtStart(alarm: ReturnType<typeof alarmOf>, options: ControllerOptions): typeof alarm {
  return wealth(alarm) < RESTART_WEALTH ? alarmOf(options) : alarm;
}

const RESTART_WEALTH = 0.5;

function disagreementDetail(threshold: number, e: number, options: ControllerOptions): string {
  return `disagreement at τ = ${threshold} is above ${(1 - options.agreementFloor).toFixed(3)} (e-value ${e.toFixed(0)} ≥ ${(1 / options.alpha).toFixed(0)})`;
}
