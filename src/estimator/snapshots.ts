import { concatMap, EMPTY, type Observable, of } from 'rxjs';
import type { SiteHistograms } from './histogram.ts';
import type { RollingWindow, WindowSnapshot } from './rolling-window.ts';
import type { RequestSummary } from './summary.ts';

export interface Sampled {
  readonly at: number;
  readonly histograms: SiteHistograms;
}

/** Several samples that were added up already. */
export interface SampledSlice {
  readonly at: number;
  readonly sites: SiteHistograms;
  readonly summaries: readonly RequestSummary[];
}

/** A window at one moment: what estimates are made from. */
export interface Snapshot extends WindowSnapshot {
  readonly at: number;
  /** Samples since the last snapshot. */
  readonly newSamples: number;
  /** The samples since the last snapshot, oldest first. */
  readonly newRequests: readonly RequestSummary[];
}

/** Feeds samples into a window and emits a snapshot of it after every `every` samples. */
export function snapshots(window: RollingWindow, every: number) {
  return (sample$: Observable<Sampled | SampledSlice>): Observable<Snapshot> => {
    let newSamples = 0;
    return sample$.pipe(
      concatMap((sample) => {
        const { at } = sample;
        if ('histograms' in sample) window.add(sample.histograms, at);
        else window.addSlice(sample.sites, sample.summaries, at);
        newSamples += 'histograms' in sample ? 1 : sample.summaries.length;
        if (newSamples < every) return EMPTY;
        const held = window.snapshot();
        const snapshot: Snapshot = {
          ...held,
          at,
          newSamples,
          newRequests: held.requests.slice(-newSamples),
        };
        newSamples = 0;
        return of(snapshot);
      }),
    );
  };
}
