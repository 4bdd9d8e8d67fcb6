import { wealth } from '../control/guard/evidence.ts';
import {
  candidateOf,
  comparedThreshold,
  driftOf,
  production,
  stateName,
} from '../control/phases/production.ts';
import { rampShare } from '../control/rollout/ramp.ts';
import { leastSamples, onTrial, type Search, type SearchOptions } from '../control/search/search.ts';
import { measureOf } from '../loop/comparison/objective.ts';
import type { Durability } from '../store/choice.ts';
import type { ServedModel } from './served/served-model.ts';

/** Everything there is to know about a model's pruning, as the control API shows it. Shares are 0–1, times Unix ms. */
export function pruningReport(served: ServedModel) {
  const { loop, loaded } = served;
  const { criticality } = loop;
  const { threshold } = loop.exposure;
  return {
    model: served.name,
    ...pruningSummary(served),
    ...durabilityReport(served.durability),
    thresholds: Object.fromEntries(
      loaded.sites.map((site, i) => [site.name, loop.state.gated?.[i] === false ? 0 : threshold]),
    ),
    sites: loaded.sites.map((site, i) => ({
      name: site.name,
      op: site.op,
      sparsity: finite(loop.measured.sites[i]!.sparsity),
      zeroRatio: finite(loop.measured.sites[i]!.zeroRatio),
    })),
    skipped: loaded.skipped.map(({ name, op, reason }) => ({ name, op, reason })),
    features: criticality?.features ?? [],
    curve:
      criticality === null
        ? null
        : {
            thresholds: Array.from(criticality.curve.thresholds),
            freeEnergy: Array.from(criticality.curve.freeEnergy, finite),
            continuous: Array.from(criticality.continuous, finite),
            internalEnergy: Array.from(criticality.curve.internalEnergy, finite),
            sparsity: Array.from(criticality.curve.sparsity),
            scale: criticality.curve.scale,
          },
  };
}

/** The part of the report that changes from moment to moment: what an event carries. */
export function pruningSummary(served: ServedModel) {
  const { loop } = served;
  const { state } = loop;
  const drift = driftOf(state);
  const { overall } = loop.measured;
  const { loss, lossLowerBound, lossUpperBound } = loop.agreement.reading;
  const { comparisons: pairs, ratio, lowerBound, upperBound, kl, cosine } = loop.agreement.reading;
  return {
    mode: state.mode,
    state: stateName(state),
    phase: phaseOf(served),
    ...loop.exposure,
    production: production(state),
    judgedThreshold: comparedThreshold(state),
    objective: objectiveOf(served),
    critical: loop.criticality?.critical ?? null,
    criticalMoved: loop.hasMoved,
    sparsity: finite(loop.sparsity.overall),
    candidateSparsity: finite(overall.sparsity),
    zeroRatio: finite(overall.zeroRatio),
    loss: {
      mean: finite(loss),
      lower: lossLowerBound,
      upper: lossUpperBound,
      allowed: loop.control.allowedLoss,
    },
    agreement: {
      ratio: finite(ratio),
      lowerBound,
      upperBound,
      pairs,
      loss: finite(loss),
      kl: finite(kl),
      cosine: finite(cosine),
    },
    drift:
      drift === null
        ? null
        : {
            distance: drift.distance,
            limit: drift.limit,
            site: served.loaded.sites[drift.site]?.name ?? null,
          },
    window: { samples: loop.window.samples, capacity: loop.window.capacity },
    speedup: served.speedup,
    macsSkipped: served.skippedWork.ratio,
    plan: served.time?.plan ?? null,
    search: loop.search,
    keptInputs: loop.keptInputs,
    shadow: { ...loop.outcomes },
    change: state.change,
  };
}

/** What happened to a model, oldest first; times are Unix milliseconds of the server's clock, as `now` is. */
export function pruningHistory({ name, history }: ServedModel) {
  return { model: name, now: Date.now(), changes: history.changes };
}

/** How answers are judged; `measure` is the configured one while nothing is decided. */
function objectiveOf({ loop, measure }: ServedModel) {
  const { objective } = loop;
  return {
    measure: objective === null ? measure : measureOf(objective),
    floor: 1 - loop.control.allowedLoss,
    outputs: objective?.outputs ?? [],
    vacuous: objective?.vacuous ?? null,
    reason: objective?.reason ?? null,
  };
}

function phaseOf({ loop }: ServedModel) {
  const { phase } = loop.state;
  switch (phase.kind) {
    case 'trial':
    case 'tracking':
      return {
        kind: phase.kind,
        candidate: candidateOf(phase),
        ladder: {
          rungs: phase.search.rungs.length,
          proven: phase.search.proven,
          refuted: phase.search.refuted,
        },
        trial: trialOf(phase.search, loop.control),
        ...(phase.kind === 'tracking' ? { share: rampShare(phase.applied.ramp) } : {}),
      };
    case 'unverified':
      return { kind: phase.kind, candidate: candidateOf(phase), compared: phase.compared };
    case 'fallback':
      return { kind: phase.kind, reason: phase.reason, samplesLeft: phase.samplesLeft };
    default:
      return { kind: phase.kind };
  }
}

/** How far a trial has come, and how many sampled requests it takes at the least. */
function trialOf(search: Search, options: SearchOptions) {
  const candidate = onTrial(search);
  if (candidate === null) return null;
  return {
    ...candidate,
    observations: search.trial!.accept.observations,
    needed: leastSamples(search, options),
    evidence: wealth(search.trial!.accept),
  };
}

/** Whether a mode that an operator chose outlives a restart, as the control API tells it; null where nobody chose one. */
export function durabilityReport(durability: Durability | null) {
  if (durability === null) return { durable: null };
  if (durability.durable) return { durable: true };
  const warning = `the mode is in force, and would be lost at a restart: ${durability.reason}`;
  return { durable: false, warning };
}

/** JSON has no NaN: what is not known is null. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
