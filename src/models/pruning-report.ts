import { wealth } from '../control/guard/evidence.ts';
import { lastGoodOf } from '../control/phases/last-good.ts';
import {
  candidateOf,
  comparedThreshold,
  driftOf,
  production,
  stateName,
} from '../control/phases/production.ts';
import { rampShare } from '../control/rollout/ramp.ts';
import { leastSamples, onTrial, type Search, type SearchOptions } from '../control/search/search.ts';
import { type Distribution, distributionsOf } from '../estimator/distribution.ts';
import { measureOf } from '../loop/comparison/objective.ts';
import type { Durability } from '../store/choice.ts';
import type { ServedModel } from './served/served-model.ts';

/** The control API's full report on a model's pruning. Shares are 0–1, times Unix milliseconds. */
export function pruningReport(served: ServedModel) {
  const { loop, loaded } = served;
  const { criticality } = loop.estimation;
  const { threshold } = loop.exposure;
  return {
    model: served.name,
    ...pruningSummary(served),
    ...durabilityReport(served.choice.durability),
    thresholds: Object.fromEntries(
      loaded.sites.map((site, i) => [site.name, loop.state.gated?.[i] === false ? 0 : threshold]),
    ),
    sites: loaded.sites.map((site, i) => ({
      name: site.name,
      op: site.op,
      sparsity: finite(loop.comparisons.measured.sites[i]!.sparsity),
      zeroRatio: finite(loop.comparisons.measured.sites[i]!.zeroRatio),
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

/** The part of the report that changes often; every event carries it. */
export function pruningSummary(served: ServedModel) {
  const { loop } = served;
  const { state, ladder } = loop;
  const { window } = loop.estimation;
  const drift = driftOf(state);
  const { overall } = loop.comparisons.measured;
  const { loss, lossLowerBound, lossUpperBound } = loop.comparisons.agreement.reading;
  const {
    comparisons: pairs,
    ratio,
    lowerBound,
    upperBound,
    kl,
    cosine,
  } = loop.comparisons.agreement.reading;
  return {
    mode: state.mode,
    upstream: upstreamOf(served),
    state: stateName(state),
    phase: phaseOf(served),
    ...loop.exposure,
    production: production(state),
    judgedThreshold: comparedThreshold(state),
    objective: objectiveOf(served),
    critical: loop.estimation.criticality?.critical ?? null,
    criticalMoved: loop.estimation.hasMoved,
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
    streams: { ...loop.streams.reading, gathered: loop.estimation.gathered },
    window: { samples: window.samples, capacity: window.capacity },
    speedup: served.speedup,
    macsSkipped: served.skippedWork.ratio,
    plan: served.sparse?.plan ?? null,
    search: ladder.progress,
    keptInputs: { inputs: ladder.kept.size, bytes: ladder.kept.bytes },
    shadow: { ...loop.sampling.outcomes },
    lastGood: lastGoodReport(served),
    change: state.change,
  };
}

/** What a list of models shows of one: a few members of the report, as they are there. */
export function pruningOverview(served: ServedModel) {
  const { mode, state, threshold, candidate, exposure, production, sparsity, loss, speedup, search, change } =
    pruningSummary(served);
  return {
    model: served.name,
    mode,
    state,
    threshold,
    candidate,
    exposure,
    production,
    sparsity,
    loss,
    speedup,
    search,
    change,
  };
}

/** What `POST …/last-good` would go back to, or why it would not. */
function lastGoodReport({ loop }: ServedModel) {
  const found = lastGoodOf(loop.state);
  return found.kind === 'known'
    ? { threshold: found.threshold, reason: null }
    : { threshold: null, reason: found.reason };
}

/** The changes of a model's state, oldest first. Times are Unix milliseconds of the server's clock, like `now`. */
export function pruningHistory({ name, history }: ServedModel) {
  return { model: name, now: Date.now(), changes: history.changes };
}

/**
 * How |a| is distributed at every site, now and when the latest search for a threshold began. Shares are 0–1, of the nonzero
 * activations, to four digits.
 */
export function pruningActivations({ name, loaded, loop }: ServedModel) {
  const { activations: now, activationsBefore: before } = loop.estimation;
  const { threshold, candidate } = loop.exposure;
  const compared = threshold || candidate || loop.estimation.criticality?.critical?.threshold || null;
  return {
    model: name,
    now: Date.now(),
    threshold: compared,
    current: now && { at: now.at, samples: now.samples },
    reference: before && { at: before.at, samples: before.samples },
    sites: loaded.sites.map((site, i) => {
      const [here, there] = [now?.sites[i], before?.sites[i]];
      const { edges, distributions } = distributionsOf([here ?? [], there ?? []].flat(), compared);
      const drawn = distributions.map(toFourDigits);
      return {
        name: site.name,
        edges,
        current: (here && drawn[0]) ?? null,
        reference: (there && drawn.at(-1)) ?? null,
      };
    }),
  };
}

function toFourDigits({ shares, below, belowThreshold, median, zeroRatio }: Distribution) {
  const short = (value: number) => Number(value.toPrecision(4));
  return {
    shares: shares.map(short),
    below: short(below),
    belowThreshold: belowThreshold && short(belowThreshold),
    median: median && short(median),
    zeroRatio: zeroRatio && short(zeroRatio),
  };
}

/** How answers are compared; until a measure is chosen, `measure` is the configured one. */
function objectiveOf({ loop, measure }: ServedModel) {
  const { objective } = loop.judge;
  return {
    measure: objective === null ? measure : measureOf(objective),
    floor: 1 - loop.control.allowedLoss,
    outputs: objective?.outputs ?? [],
    vacuous: objective?.vacuous ?? null,
    reason: objective?.reason ?? null,
  };
}

/** What an upstream server's model can be used for, and why production is dense where it is doubted; null: the model runs here. */
function upstreamOf({ upstream }: ServedModel) {
  if (upstream === undefined) return null;
  const { url, instrumented = null, capability, doubt = null } = upstream;
  const reason = capability.kind === 'full' ? null : capability.reason;
  return { url, instrumented, capability: capability.kind, reason, doubt };
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

/** The progress of a trial, and the least number of sampled requests it needs. */
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

/** The control API's answer whether the operator's choice outlives a restart; null without a choice. */
export function durabilityReport(durability: Durability | null) {
  if (durability === null) return { durable: null };
  if (durability.durable) return { durable: true };
  const warning = `the mode is in force, and would be lost at a restart: ${durability.reason}`;
  return { durable: false, warning };
}

/** JSON has no NaN: unknown values are null. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
