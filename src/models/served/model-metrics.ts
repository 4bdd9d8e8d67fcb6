import { comparedThreshold, driftOf, exposureOf, stateName } from '../../control/phases/production.ts';
import { type ControllerState, STATE_NAMES } from '../../control/phases/state.ts';
import type { FreeEnergyCurve } from '../../criticality/free-energy.ts';
import type { ControlLoop } from '../../loop/control-loop.ts';
import type { Replica } from '../../loop/replica/replica.ts';
import type { Site } from '../../onnx/sites.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Speedup } from '../../sparse/speedup.ts';
import type { Metrics, OfModel } from '../../telemetry/metrics.ts';
import type { SkippedWork } from './skipped-work.ts';
import type { Plan } from './sparse-planner.ts';

/** The parts of a model that its metrics are read from. */
export interface ExportedModel {
  readonly name: string;
  readonly version: string;
  /** Time that it took to open it, in seconds. */
  readonly loadSeconds: number;
  readonly kernels: string;
  readonly loaded: { readonly sites: readonly Site[]; readonly hash: string };
  readonly runtime: Pick<Runtime, 'pending' | 'waiting'>;
  readonly loop: ControlLoop;
  readonly speedup: Speedup | null;
  readonly skippedWork: Pick<SkippedWork, 'ratio'>;
  readonly sparse: { readonly plan: Plan } | undefined;
  readonly sharing: { readonly replica: Replica } | undefined;
  readonly upstream: { readonly isReady: boolean; readonly doubt: string | undefined } | undefined;
}

const HASH_DIGITS = 12;

/** Value of the label `site` for all sites together. */
const ALL = 'all';

function labelsOf({ name, version }: Pick<ExportedModel, 'name' | 'version'>): OfModel {
  return { model: name, version };
}

/** Counts a change of state if it changes the threshold that `taustat_threshold` shows. */
export function countChange(metrics: Metrics, served: ExportedModel, before: ControllerState): void {
  const { exposure, state } = served.loop;
  if (served.loaded.sites.length === 0 || exposureOf(before).threshold === exposure.threshold) return;
  metrics.thresholdChanges.inc({ ...labelsOf(served), reason: state.change.reason });
}

/** Sets the gauges of a model; called at every scrape. */
export function exportModelMetrics(metrics: Metrics, served: ExportedModel): void {
  const of = labelsOf(served);
  const { loop } = served;
  exportState(metrics, served);
  metrics.queue.set(of, served.runtime.pending);
  metrics.waiting.set(of, served.runtime.waiting);
  const { kernels, loaded, loadSeconds } = served;
  metrics.modelInfo.set({ ...of, sha256: loaded.hash.slice(0, HASH_DIGITS), kernels }, 1);
  metrics.modelLoad.set(of, loadSeconds);
  const critical = loop.estimation.criticality?.critical;
  setOrRemove(metrics.criticalThreshold, of, critical?.threshold);
  setOrRemove(metrics.criticalSparsity, of, critical?.sparsity);
  exportSparsity(metrics, served);
  const { speedup, skippedWork, sparse } = served;
  setOrRemove(metrics.timeSaved, of, speedup === null ? undefined : 1 - 1 / speedup.ratio);
  metrics.macsSkipped.set(of, skippedWork.ratio);
  if (sparse !== undefined) {
    const now = planName(sparse.plan);
    for (const plan of PLAN_NAMES) if (plan !== now) metrics.planInfo.remove({ ...of, plan });
    metrics.planInfo.set({ ...of, plan: now }, 1);
  }
  const { ratio, lowerBound, loss, kl, cosine } = loop.comparisons.agreement.reading;
  setOrRemove(metrics.loss, of, loss);
  metrics.allowedLoss.set(of, loop.control.allowedLoss);
  setOrRemove(metrics.agreement, of, ratio);
  setOrRemove(metrics.agreementLowerBound, of, Number.isNaN(ratio) ? undefined : lowerBound);
  setOrRemove(metrics.divergence, { ...of, kind: 'kl' }, kl);
  setOrRemove(metrics.divergence, { ...of, kind: 'cosine' }, 1 - cosine);
  const drift = driftOf(loop.state);
  setOrRemove(metrics.driftDistance, of, drift?.distance);
  setOrRemove(metrics.driftLimit, of, drift?.limit);
  metrics.keptInputs.set(of, loop.ladder.kept.bytes);
  setOrRemove(metrics.searchSeconds, of, loop.ladder.progress?.next?.secondsLeft ?? undefined);
  exportFreeEnergy(metrics, served);
  if (served.upstream !== undefined) {
    metrics.upstreamReady.set(of, served.upstream.isReady ? 1 : 0);
    metrics.upstreamTrusted.set(of, served.upstream.doubt === undefined && loaded.sites.length > 0 ? 1 : 0);
  }
  if (served.sharing === undefined) return;
  const { replica } = served.sharing;
  metrics.sharedStoreUp.set(of, replica.news.problem === null ? 1 : 0);
  metrics.replicas.set(of, replica.lease.replicas);
  metrics.replicaDecides.set(of, replica.decides() ? 1 : 0);
}

function exportState(metrics: Metrics, served: ExportedModel): void {
  const of = labelsOf(served);
  const now = stateName(served.loop.state);
  for (const name of STATE_NAMES) metrics.state.set({ ...of, state: name }, name === now ? 1 : 0);
  const { threshold, candidate, exposure } = served.loop.exposure;
  const { gated } = served.loop.state;
  for (const [i, site] of served.loaded.sites.entries())
    metrics.threshold.set({ ...of, site: site.name }, gated?.[i] === false ? 0 : threshold);
  setOrRemove(metrics.candidateThreshold, of, candidate ?? undefined);
  metrics.exposure.set(of, exposure);
}

const PLAN_NAMES = ['unmeasured', 'sparse', 'unprofitable', 'impossible'] as const;

function planName(plan: Plan): (typeof PLAN_NAMES)[number] {
  if (plan.kind !== 'measured') return plan.kind;
  return plan.buckets.some(({ pays }) => pays) ? 'sparse' : 'unprofitable';
}

function exportSparsity(metrics: Metrics, served: ExportedModel): void {
  const of = labelsOf(served);
  const { comparisons, sparsity } = served.loop;
  const { sites, overall } = comparisons.measured;
  setOrRemove(metrics.sparsity, { ...of, site: ALL }, sparsity.overall);
  setOrRemove(metrics.zeroRatio, { ...of, site: ALL }, overall.zeroRatio);
  for (const [i, site] of served.loaded.sites.entries()) {
    setOrRemove(metrics.sparsity, { ...of, site: site.name }, sparsity.sites[i]);
    setOrRemove(metrics.zeroRatio, { ...of, site: site.name }, sites[i]!.zeroRatio);
  }
}

function exportFreeEnergy(metrics: Metrics, served: ExportedModel): void {
  const of = labelsOf(served);
  const { comparisons, estimation, state } = served.loop;
  const judged = comparedThreshold(state);
  const curve = estimation.criticality?.curve;
  const hasPoint = curve !== undefined && judged > 0;
  const renormalized = hasPoint ? freeEnergyNear(curve, judged) : undefined;
  const live = hasPoint ? comparisons.measured.freeEnergy(judged, curve.scale) : undefined;
  setOrRemove(metrics.freeEnergy, { ...of, kind: 'renormalized' }, renormalized);
  setOrRemove(metrics.freeEnergy, { ...of, kind: 'measured' }, live);
}

/** F at the grid point nearest to a threshold. */
export function freeEnergyNear(curve: FreeEnergyCurve, threshold: number): number {
  let best = 0;
  for (let i = 1; i < curve.thresholds.length; i++) {
    if (Math.abs(curve.thresholds[i]! - threshold) < Math.abs(curve.thresholds[best]! - threshold)) best = i;
  }
  return curve.freeEnergy[best] ?? Number.NaN;
}

interface SettableGauge<L extends object> {
  set(labels: L, value: number): void;
  remove(labels: L): void;
}

/** Removes a gauge without a value, so that no stale one is exported. */
function setOrRemove<L extends object>(gauge: SettableGauge<L>, labels: L, value: number | undefined): void {
  if (value === undefined || !Number.isFinite(value)) gauge.remove(labels);
  else gauge.set(labels, value);
}
