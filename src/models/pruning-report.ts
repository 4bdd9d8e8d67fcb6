import {
  candidateOf,
  driftOf,
  judgedThreshold,
  production,
  stateName,
} from '../control/phases/production.ts';
import { rampShare } from '../control/rollout/ramp.ts';
import { wealth } from '../control/search/evidence.ts';
import { leastSamples, onTrial, type Search, type SearchOptions } from '../control/search/search.ts';
import type { Durability } from '../store/choice.ts';
import type { ServedModel } from './served/served-model.ts';

/** Everything there is to know about a model's pruning, as the control API shows it. Shares are 0–1, times Unix ms. */
export function pruningReport(served: ServedModel) {
  const { thermostat, loaded } = served;
  const { criticality } = thermostat;
  const threshold = served.applied;
  return {
    model: served.name,
    ...pruningSummary(served),
    ...durabilityReport(served.durability),
    thresholds: Object.fromEntries(loaded.sites.map((site) => [site.name, threshold])),
    sites: loaded.sites.map((site, i) => ({
      name: site.name,
      op: site.op,
      sparsity: finite(thermostat.measured.sites[i]!.sparsity),
      zeroRatio: finite(thermostat.measured.sites[i]!.zeroRatio),
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
  const { thermostat, shadowOutcomes } = served;
  const { state } = thermostat;
  const drift = driftOf(state);
  const { overall } = thermostat.measured;
  const { pairs, ratio, lowerBound, upperBound, loss, kl, cosine } = thermostat.agreement.reading;
  return {
    mode: state.mode,
    state: stateName(state),
    phase: phaseOf(served),
    threshold: served.applied,
    production: production(state),
    judgedThreshold: judgedThreshold(state),
    objective: { measure: served.objective, floor: 1 - thermostat.control.allowedLoss },
    critical: thermostat.criticality?.critical ?? null,
    criticalMoved: thermostat.hasMoved,
    sparsity: finite(overall.sparsity),
    zeroRatio: finite(overall.zeroRatio),
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
    window: { samples: thermostat.window.samples, capacity: thermostat.window.capacity },
    shadow: { ...shadowOutcomes },
    change: state.change,
  };
}

function phaseOf({ thermostat }: ServedModel) {
  const { phase } = thermostat.state;
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
        trial: trialOf(phase.search, thermostat.control),
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
