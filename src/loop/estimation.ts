import { map, type Observable, tap } from 'rxjs';
import type { Config } from '../config/schema.ts';
import type { EventOf, Suggestion } from '../control/phases/event.ts';
import { driftOf, isSeeking } from '../control/phases/production.ts';
import { type ControllerState, type ControlOptions, isSearched } from '../control/phases/state.ts';
import { fineCandidates, ladderOf } from '../control/search/ladder.ts';
import type { Criticality } from '../criticality/critical-point.ts';
import type { DriftReading, DriftReference } from '../drift/detector.ts';
import { type IntervalReading, intervalMoved } from '../drift/interval-moved.ts';
import { mergeAll, type SiteHistograms, tails } from '../estimator/histogram.ts';
import { RollingWindow } from '../estimator/rolling-window.ts';
import { type SampledSlice, type Snapshot, snapshots } from '../estimator/snapshots.ts';
import type { RequestSummary } from '../estimator/summary.ts';
import { ApartRequests } from './apart-requests.ts';
import type { Unjudged } from './comparison/judge.ts';
import { DriftWatch } from './drift-watch.ts';
import { estimate } from './estimate.ts';
import type { ShadowSample } from './shadow-run.ts';
import type { StreamPlace, Streams } from './streams.ts';

export interface EstimationOptions {
  readonly sites: number;
  /** Of the sites' activation functions. */
  readonly poles: readonly (number | null)[] | undefined;
  readonly config: Pick<Config, 'window' | 'criticality' | 'drift'>;
  readonly control: ControlOptions;
  /** What drift is measured from, where that is known already. */
  readonly reference: DriftReference | null;
  /** Told of every sample, and asked how far apart requests hardly resemble each other. */
  readonly streams: Pick<Streams, 'add' | 'watchedBlock' | 'isTelling'>;
  /** Why no candidate may be tried: by a measure that is not decided, or sees nothing. Null: they may. */
  readonly unjudged: () => Unjudged | null;
  /** Whether drift is watched here; absent: it is. Another replica may watch it for all. */
  readonly decides?: (() => boolean) | undefined;
  /** Told how long an estimate took. */
  readonly onEstimated?: ((ms: number) => void) | undefined;
}

/** So many times as far apart as those of the reference requests are read at most. */
const MOST_GROWN = 2;

/** While nothing is in production, a reference is made anew where requests resemble each other for so many times as long as was known. */
const GROWN = 2;

/** Samples of another replica, and where each of them belongs. */
export interface PlacedSlice extends SampledSlice {
  readonly places: readonly (StreamPlace | undefined)[];
}

/** Histograms of all sites over one window. */
export interface WindowActivations {
  /** Unix milliseconds. */
  readonly at: number;
  /** Sampled requests. */
  readonly samples: number;
  readonly sites: SiteHistograms;
}

/** From samples to what the controller hears of the traffic: its critical point, and whether it is other traffic. */
export class Estimation {
  readonly window: RollingWindow;
  readonly #options: EstimationOptions;
  readonly #drift: DriftWatch;
  readonly #apart: ApartRequests;
  /** Of the samples since the last snapshot; undefined: nobody told. */
  #places: (StreamPlace | undefined)[] = [];
  #criticality: Criticality | null = null;
  #requests: readonly RequestSummary[] = [];
  #interval: IntervalReading | null = null;
  #activations: WindowActivations | null = null;
  #activationsBefore: WindowActivations | null = null;

  constructor(options: EstimationOptions) {
    const { sites, config, reference } = options;
    const { slices, sliceSamples, maxAgeSeconds } = config.window;
    const { runLength, recentSlices } = config.drift;
    this.#options = options;
    this.window = new RollingWindow({ sites, slices, sliceSamples, maxAgeMs: maxAgeSeconds * 1000 });
    this.#apart = new ApartRequests(this.window.capacity);
    this.#drift = new DriftWatch({ runLength, memory: recentSlices * sliceSamples }, reference);
  }

  /** The latest estimate; null before the first. */
  get criticality(): Criticality | null {
    return this.#criticality;
  }

  /** Those of the window at the latest estimate; null before the first one of this traffic. */
  get activations(): WindowActivations | null {
    return this.#activations;
  }

  /**
   * What they were when the latest search for a threshold began: the traffic that a threshold was proven on. They are not kept over
   * a restart. Null: nothing was searched since, or not here.
   */
  get activationsBefore(): WindowActivations | null {
    return this.#activationsBefore;
  }

  /** Whether the critical point has left the interval that it had when the present search began. */
  get hasMoved(): boolean {
    return this.#interval?.hasMoved ?? false;
  }

  get reference(): DriftReference | null {
    return this.#drift.reference;
  }

  /** One event per snapshot of the window. @param stateNow - the controller's, when a snapshot is estimated. */
  events(
    samples$: Observable<ShadowSample | PlacedSlice>,
    stateNow: () => ControllerState,
  ): Observable<EventOf<'snapshot'>> {
    return samples$.pipe(
      tap((sample) => {
        if ('places' in sample) this.#places.push(...sample.places);
        else this.#places.push(sample.place);
      }),
      snapshots(this.window, this.#options.config.window.every),
      map((snapshot) => this.#estimate(snapshot, stateNow())),
    );
  }

  /** A reference belongs to one search, and a window to one epoch. */
  startAfresh(before: ControllerState, after: ControllerState): void {
    const isSearch = isSeeking(before) && !isSeeking(after) && after.phase.kind === 'trial';
    // Another replica may have begun it, and be further.
    const hasBegun = isSeeking(before) && isSearched(after.phase);
    if (hasBegun && this.#isWarm) this.#activationsBefore = this.#activations;
    if (isSearch) this.#drift.stop();
    const isIndependent = this.#options.streams.isTelling && !this.#isCorrelated;
    if (isSearch && this.#decides && isIndependent) this.#drift.start(this.#requests);
    if (!isSearched(after.phase)) this.#drift.stop();
    if (before.epoch !== after.epoch) {
      this.window.reset();
      this.#apart.reset();
      this.#criticality = null;
      this.#activations = null;
    }
  }

  /** Samples that were told of before: they fill the window, and say nothing new. */
  refill({ at, sites, summaries }: PlacedSlice): void {
    this.window.addSlice(sites, summaries, at);
  }

  /** What another replica measured drift from; null: nothing. */
  adopt(reference: DriftReference | null): void {
    this.#drift.adopt(reference);
  }

  close(): void {
    this.#drift.close();
  }

  /**
   * Requests that a reference of drift is being gathered from, and how many it takes, where not all sampled ones can be taken;
   * null: there is a reference, or all of a window make one.
   */
  get gathered(): { readonly requests: number; readonly of: number } | null {
    if (this.#drift.isOn || !this.#isCorrelated) return null;
    const of = this.#options.control.warmSamples;
    return { requests: Math.min(of, this.#apart.size), of };
  }

  get #decides(): boolean {
    return this.#options.decides?.() ?? true;
  }

  get #isWarm(): boolean {
    return (this.#activations?.samples ?? 0) >= this.#options.control.warmSamples;
  }

  get #isCorrelated(): boolean {
    return this.#options.streams.watchedBlock > 1;
  }

  #estimate(snapshot: Snapshot, state: ControllerState): EventOf<'snapshot'> {
    const { at, samples, newSamples, sites, slices, requests, newRequests } = snapshot;
    const { config, onEstimated, unjudged } = this.#options;
    const started = performance.now();
    this.#criticality = estimate(slices, config.criticality, sites, this.#options.poles);
    onEstimated?.(performance.now() - started);
    this.#requests = requests;
    this.#activations = { at, samples, sites };
    const apart = this.#takenApart(newRequests);
    this.#readInterval(state);
    const doubt = unjudged();
    return {
      kind: 'snapshot',
      at,
      samples,
      newSamples,
      suggestion: isSeeking(state) ? this.#suggestion(sites) : null,
      drift: this.#readDrift(apart, state),
      hasMoved: this.hasMoved,
      ...(doubt && { unjudged: doubt }),
    };
  }

  #suggestion(sites: SiteHistograms): Suggestion | null {
    const found = this.#criticality;
    if (found === null) return null;
    const { policy, keepsInputs } = this.#options.control;
    const fine = keepsInputs ? fineCandidates(tails(mergeAll(sites))) : undefined;
    const pole = found.critical === null ? found.features[0]?.threshold : undefined;
    return { critical: found.critical, ladder: ladderOf(found, policy, fine), pole };
  }

  /** Neighbouring estimates share most of their window: only as many in a row as fill one mean anything. */
  #readInterval({ phase }: ControllerState): void {
    const { slices, sliceSamples, every } = this.#options.config.window;
    const reference = phase.kind === 'tracking' ? phase.critical : null;
    const present = this.#criticality?.critical?.interval ?? null;
    const confirmations = Math.ceil((slices * sliceSamples) / every);
    this.#interval = reference && intervalMoved(reference.interval, present, this.#interval, confirmations);
  }

  #readDrift(requests: readonly RequestSummary[], state: ControllerState): DriftReading | null {
    if (!this.#decides) return null;
    const isOnTrial = state.phase.kind === 'trial';
    if (isOnTrial && this.#isTooClose) {
      this.#drift.stop();
      this.#apart.reset();
    }
    // What is watched has a reference, but for a server that was killed while it was being made, and where it takes more than a window.
    if (isSearched(state.phase) && !this.#drift.isOn) {
      if (this.#options.streams.isTelling || !isOnTrial) this.#startDrift();
      return null;
    }
    return this.#drift.read(requests, driftOf(state));
  }

  /** Whether the requests of the reference resemble each other for so much longer than was known that they are too few scenes. */
  get #isTooClose(): boolean {
    const { reference } = this.#drift;
    if (reference === null) return false;
    return this.#options.streams.watchedBlock >= GROWN * (reference.blockRequests ?? 1);
  }

  #startDrift(): void {
    const { control, streams } = this.#options;
    const isCorrelated = this.#isCorrelated;
    if ((isCorrelated ? this.#apart.size : this.window.samples) < control.warmSamples) return;
    if (!isCorrelated) this.#drift.start(this.#requests);
    else this.#drift.start(this.#apart.summaries, streams.watchedBlock, this.#apart.samplesEach);
  }

  /** Of new requests, those that are so far apart in their stream that they hardly resemble each other. */
  #takenApart(requests: readonly RequestSummary[]): readonly RequestSummary[] {
    const { streams } = this.#options;
    const places = this.#places.slice(-requests.length);
    this.#places = [];
    return requests.filter((summary, i) => {
      const place = places[i];
      if (place === undefined) return true;
      streams.add(place, summary);
      return this.#apart.add({ ...place, summary }, this.#apartBy);
    });
  }

  /** How far apart requests are read. */
  get #apartBy(): number {
    const { watchedBlock } = this.#options.streams;
    const known = this.#drift.reference?.blockRequests ?? 1;
    return known === 1 ? watchedBlock : Math.min(Math.max(known, watchedBlock), MOST_GROWN * known);
  }
}
