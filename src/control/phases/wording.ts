import type { CriticalPoint } from '../../criticality/critical-point.ts';
import type { DriftReading } from '../../drift/detector.ts';
import { alarmWealth, type Watch } from '../guard/watch.ts';
import { exposedLoss } from '../rollout/exposure.ts';
import { RAMP_SHARES, type Ramp } from '../rollout/ramp.ts';
import type { Search, Verdict } from '../search/search.ts';
import type { EventOf, Suggestion } from './event.ts';
import type { Change, ChangeReason, ControlOptions, Phase } from './state.ts';

/** What people are told of a change: its reason, and the evidence in a sentence. */
type Words = Pick<Change, 'reason' | 'detail'>;

export function ofMode({ mode, threshold = 0, backFrom }: EventOf<'mode'>): Words {
  const why = backFrom === undefined ? '' : `back from τ = ${backFrom} to the last good threshold: `;
  const detail = mode === 'fixed' ? `${why}mode fixed at τ = ${threshold}` : `mode ${mode}`;
  return { reason: 'operator', detail };
}

/** @param pole - τ of the first feature, where all are poles of activation functions. */
export function ofNoFeature(pole: number | undefined): Words {
  return { reason: 'no-feature', detail: `the free energy shows ${nothingBut(pole)}` };
}

export function ofVacuous(detail: string): Words {
  return { reason: 'vacuous', detail: `dense: ${detail}` };
}

function nothingBut(pole: number | undefined): string {
  return pole === undefined
    ? 'no significant feature'
    : `no significant feature but the pole of an activation function at τ = ${pole}`;
}

/** @param threshold - the first that is tried; null: all are judged on kept inputs. */
export function ofSearch(
  { critical, pole }: Pick<Suggestion, 'critical' | 'pole'>,
  threshold: number | null,
  strikes: number,
): Words {
  const found =
    critical === null
      ? `${nothingBut(pole)} in F`
      : `${critical.feature} of F at τ* = ${critical.threshold}, β* = ${critical.sparsity.toFixed(3)}`;
  const reason = strikes === 0 ? 'critical-point' : 'retry';
  const next = threshold === null ? 'judging candidates on kept inputs' : `trying τ = ${threshold}`;
  return { reason, detail: `${found}; ${next}` };
}

export function ofPilot({ rungs, start, tests }: Search): Words {
  const { tests: all, every } = tests?.kind === 'tested' ? tests : { tests: [], every: 1 };
  const last = Math.max(...all.map(({ rung }) => rung));
  const range = `${all.length} candidates up to τ = ${rungs[last]!.threshold}`;
  const thinned = every > 1 ? `, on one request in ${every}: neighbours resemble each other` : '';
  const detail = `${range} are tested${thinned}; τ = ${rungs[start]!.threshold} is the most promising`;
  return { reason: 'pilot', detail };
}

/** @param every - one request of so many is kept from now on. */
/** @param kept - the threshold that production stays at; null: it is dense. */
export function ofRespaced(every: number, kept: number | null): Words {
  const why = 'neighbours resemble each other more than was known';
  const meanwhile = kept === null ? 'dense' : `production stays at τ = ${kept} under its guard`;
  return {
    reason: 'agreement-unproven',
    detail: `${why}: ${meanwhile}, and the tests begin anew, on one request in ${every}`,
  };
}

export function ofRefuted(threshold: number): Words {
  return {
    reason: 'agreement-unproven',
    detail: `the tests that began anew speak against τ = ${threshold}: dense until one is proven`,
  };
}

/** What kept inputs have proven. */
export function ofProvenRung(
  threshold: number,
  inputs: number,
  loss: number,
  { allowedLoss }: ControlOptions,
): Words {
  const allowed = allowedLoss.toFixed(3);
  const mean = `${loss.toFixed(4)} on ${inputs} kept inputs`;
  return {
    reason: 'agreement-proven',
    detail: `mean loss at τ = ${threshold} is below ${allowed} (${mean})`,
  };
}

export function ofExhausted({ rungs }: Search, { allowedLoss }: ControlOptions): Words {
  const allowed = allowedLoss.toFixed(3);
  const detail = `none of ${rungs.length} candidates holds a mean loss of ${allowed} on kept inputs: dense`;
  return { reason: 'agreement-unproven', detail };
}

export function ofDrift({ aspect, site, distance, limit }: DriftReading): Words {
  const by = `${distance.toFixed(3)} deviations, more than ${limit.toFixed(3)}`;
  return { reason: 'drift', detail: `${aspect} of ln|a| at site ${site} moved by ${by}` };
}

export function ofMovedPoint(critical: CriticalPoint | null): Words {
  const before = critical === null ? 'none' : `τ* = ${critical.threshold}`;
  const detail = `the critical point has left the interval of ${before}: looking again`;
  return { reason: 'critical-point-moved', detail };
}

/** A stage of the ramp of what is proven. */
export function ofStage({ stage }: Ramp, threshold: number, { allowedLoss }: ControlOptions): Words {
  const part = `${percent(stage)} of production at τ = ${threshold}`;
  const detail = `${part}: mean loss proven below ${allowedLoss.toFixed(3)}, no alarm since`;
  return { reason: 'ramped', detail };
}

/** A stage of the ramp of what is on trial still, the rest of production being dense. */
export function ofExposure(
  { stage }: Ramp,
  threshold: number,
  compared: number,
  { allowedLoss }: ControlOptions,
): Words {
  const mean = exposedLoss(RAMP_SHARES[stage]!, allowedLoss);
  const part = `${percent(stage)} of production at τ = ${threshold}, the rest dense`;
  const proof =
    mean < 1
      ? `mean loss proven below ${mean.toFixed(3)} after ${compared} sampled requests`
      : `on trial for ${compared} sampled requests; whatever is lost there, all of production loses at most ${allowedLoss.toFixed(3)}`;
  return { reason: 'ramped', detail: `${part}: ${proof}` };
}

function percent(stage: number): string {
  return `${100 * RAMP_SHARES[stage]!} %`;
}

export function ofUncompared({ requests, ms }: EventOf<'uncompared'>): Words {
  const detail = `${requests} requests in ${Math.round(ms / 1000)} s without a compared answer: dense`;
  return { reason: 'unverified', detail };
}

export function ofReturn(threshold: number, compared: number): Words {
  const detail = `${compared} answers at τ = ${threshold} were compared again without an alarm`;
  return { reason: 'verified', detail };
}

export function ofAlarm(
  threshold: number,
  watch: Watch,
  consequence: string,
  { allowedLoss, alarmRunLength }: ControlOptions,
): Words {
  const value = alarmWealth(watch);
  const evidence =
    value >= alarmRunLength
      ? `e-value ${value.toExponential(1)} ≥ ${alarmRunLength}`
      : 'half of what the latest answers could lose is lost';
  const detail = `loss at τ = ${threshold} is above ${allowedLoss.toFixed(3)} (${evidence}): ${consequence}`;
  return { reason: 'disagreement', detail };
}

const VERDICTS: Readonly<Record<Exclude<Verdict, 'open'>, readonly [ChangeReason, string]>> = {
  proven: ['agreement-proven', 'below'],
  refuted: ['disagreement', 'above'],
  'given-up': ['agreement-unproven', 'not proven below'],
};

export function ofVerdict(
  verdict: Exclude<Verdict, 'open'>,
  threshold: number,
  comparisons: number,
  { allowedLoss }: ControlOptions,
): Words {
  const [reason, where] = VERDICTS[verdict];
  const allowed = allowedLoss.toFixed(3);
  return {
    reason,
    detail: `mean loss at τ = ${threshold} is ${where} ${allowed} after ${comparisons} sampled requests`,
  };
}

/** Of a candidate that part of production is at already, or that is withheld from it. */
export function ofProof(
  phase: Phase,
  threshold: number,
  comparisons: number,
  options: ControlOptions,
): Words {
  const { reason, detail } = ofVerdict('proven', threshold, comparisons, options);
  const part = phase.kind === 'tracking' ? percent(phase.applied.ramp.stage) : 'none';
  return { reason, detail: `${detail}; ${part} of production is at it` };
}
