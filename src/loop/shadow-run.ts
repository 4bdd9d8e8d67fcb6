import type { SpanContext } from '@opentelemetry/api';
import type { SiteHistograms } from '../estimator/histogram.ts';
import type { Tensor } from '../protocol/types.ts';
import type { RetainedAtSite } from '../runtime/measure.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Clock } from './clock.ts';
import type { Comparison } from './comparison/agreement.ts';
import type { Judge, PilotAnswers } from './comparison/judge.ts';
import type { StreamPlace } from './streams.ts';

/** What a request that is looked at again has to do with the controller's state when it was answered. */
export interface Look {
  /** The request's place in [0, 1). */
  readonly position: number;
  /** Its place in its stream; absent: it resembles no other request. */
  readonly place?: StreamPlace;
  /** The controller's epoch. */
  readonly epoch: number;
  /** What production answers a request of this position at, or would but for mode `observe`; 0 is dense. */
  readonly due: number;
  /** It is looked at for the sake of its answer, which is suspected: it is no sample of the traffic. */
  readonly isExtra: boolean;
  /** The controller waits for just such a request. */
  readonly isUrgent?: boolean;
  /** It is kept, for the ladder to be judged on. */
  readonly isKept?: boolean;
  /** It is kept, and not run again now. */
  readonly isOnlyKept?: boolean;
  /** It is run again in idle time, beyond what sampling may take. */
  readonly isOfSearch?: boolean;
}

/** A request that was answered and is looked at again. */
export interface AnsweredRequest extends Look {
  readonly inputs: readonly Tensor[];
  /** The span of the request, for what is told of it. */
  readonly origin?: SpanContext | undefined;
  /** All outputs of the model as they were answered, at `threshold`; absent when only some were asked for. */
  readonly outputs?: readonly Tensor[];
  /** What the answer was computed at; 0 is dense. */
  readonly threshold: number;
}

/** Pruned against dense at one threshold. */
export interface ComparedAnswer {
  readonly threshold: number;
  /** Null when there was nothing to compare. */
  readonly comparison: Comparison | null;
  /** Production answers such a request at this threshold. */
  readonly isDue: boolean;
  /** The compared answer is the one that the client got. */
  readonly isServed: boolean;
  /** What passed the gates of the pruned run, per site; null when it was not counted. */
  readonly retained: readonly RetainedAtSite[] | null;
}

/** What one sampled request has shown. */
export interface ShadowSample {
  readonly at: number;
  /** The controller's epoch when the request was answered. */
  readonly epoch: number;
  /** See `Look`. */
  readonly isExtra: boolean;
  readonly place?: StreamPlace | undefined;
  /** Time that binning the magnitudes took. */
  readonly binningMs: number;
  /** Worker time that its runs took. */
  readonly workerMs: number;
  /** Time that comparing answers took, on the calling thread. */
  readonly comparingMs: number;
  /** Magnitudes at every site, τ = 0. */
  readonly histograms: SiteHistograms;
  /** In the order of the thresholds that were to be compared. */
  readonly comparisons: readonly ComparedAnswer[];
  /** What an objective can be decided on. */
  readonly answers: PilotAnswers;
}

export interface ShadowOptions {
  /** Thresholds of the sites, shape [sites], where pruned ones are at τ; 0 prunes none. */
  readonly thresholdsAt: (threshold: number) => Float32Array;
  /** Every output of the model. */
  readonly outputs: readonly string[];
  readonly judge: Pick<Judge, 'compare'>;
  /** The highest candidate, where its answer is wanted beside. */
  readonly probe?: number | undefined;
  /** Whether to count what passes the gates at the first threshold, which takes a run of its own. */
  readonly counts: boolean;
}

/**
 * Runs a sampled request again, off the response path: once at τ = 0 with the taps read, and once at every threshold that
 * is to be compared.
 *
 * An answer that was really served at such a threshold is compared itself, and needs no run.
 *
 * @throws ServingError when a run failed.
 */
export async function shadowRun(
  runtime: Pick<Runtime, 'shadow'>,
  request: AnsweredRequest,
  thresholds: readonly number[],
  options: ShadowOptions,
  clock: Clock,
): Promise<ShadowSample | 'dropped'> {
  const { inputs, epoch, due, isExtra, place, isUrgent = false } = request;
  const { outputs, thresholdsAt, judge, probe } = options;
  const again = { inputs, outputs, keepInputs: true };
  const goingOn = { ...again, goesFirst: true };
  const dense = await runtime.shadow({
    ...again,
    thresholds: thresholdsAt(0),
    measure: 'histogram',
    goesFirst: isUrgent,
  });
  if (dense === 'dropped') return 'dropped';
  const comparisons: ComparedAnswer[] = [];
  let { workerMs } = dense;
  let comparingMs = 0;
  const compared = (answer: readonly Tensor[]) => {
    const started = clock.monotonicMs();
    const comparison = judge.compare(dense.outputs, answer, inputs);
    comparingMs += clock.monotonicMs() - started;
    return comparison;
  };
  for (const [i, threshold] of thresholds.entries()) {
    const answer = request.threshold === threshold ? request.outputs : undefined;
    const isDue = threshold === due;
    const counts = i === 0 && options.counts;
    if (answer !== undefined && !counts) {
      comparisons.push({ threshold, comparison: compared(answer), isDue, isServed: true, retained: null });
      continue;
    }
    const pruned = await runtime.shadow({
      ...goingOn,
      thresholds: thresholdsAt(threshold),
      measure: counts ? 'retained' : 'nothing',
    });
    if (pruned === 'dropped') return 'dropped';
    workerMs += pruned.workerMs;
    comparisons.push({
      threshold,
      comparison: compared(answer ?? pruned.outputs),
      isDue,
      isServed: answer !== undefined,
      retained: counts ? pruned.retained : null,
    });
  }
  const probed =
    probe === undefined
      ? null
      : await runtime.shadow({
          ...goingOn,
          thresholds: thresholdsAt(probe),
          measure: 'nothing',
        });
  if (probed === 'dropped') return 'dropped';
  workerMs += probed?.workerMs ?? 0;
  const { histograms, measureMs: binningMs } = dense;
  const answers = { inputs, dense: dense.outputs, pruned: probed?.outputs ?? null };
  const times = { binningMs, comparingMs, workerMs };
  return { at: clock.wallMs(), epoch, isExtra, place, histograms, ...times, comparisons, answers };
}
