import {
  type DriftOptions,
  type DriftReading,
  type DriftReference,
  readDrift,
  referenceSteps,
} from '../drift/detector.ts';
import type { Steps } from '../drift/steps.ts';
import type { RequestSummary } from '../estimator/summary.ts';
import { Background } from './background.ts';

/** A reference costs some milliseconds, on the thread that serves: so long may requests wait for it. */
const MS_PER_TURN = 0.25;

/** The reference that drift is measured from. A new one is made between other events. */
export class DriftWatch {
  readonly #options: DriftOptions;
  #reference: DriftReference | null;
  #making: Background<DriftReference> | null = null;

  /** @param reference - where to go on from. */
  constructor(options: DriftOptions, reference: DriftReference | null) {
    this.#options = options;
    this.#reference = reference;
  }

  /** Null without one, and as long as it is being made. */
  get reference(): DriftReference | null {
    return this.#reference ?? this.#making?.value ?? null;
  }

  get isOn(): boolean {
    return this.#reference !== null || this.#making !== null;
  }

  /**
   * @param requests - summaries of the traffic that is to be recognised, none of which resembles another more than by chance.
   * @param blockRequests - so many requests apart they are, of one stream.
   * @param samplesEach - sampled requests for one of them. Only so many as are read can alarm, and the run length counts all.
   */
  start(requests: readonly RequestSummary[], blockRequests = 1, samplesEach = 1): void {
    this.stop();
    const runLength = this.#options.runLength / samplesEach;
    const steps = referenceSteps(requests, { ...this.#options, runLength });
    this.#making = new Background(readApart(steps, blockRequests), MS_PER_TURN);
  }

  /** Goes on from a reference that was made elsewhere; null: there is none. */
  adopt(reference: DriftReference | null): void {
    this.stop();
    this.#reference = reference;
  }

  stop(): void {
    this.#making?.close();
    this.#making = null;
    this.#reference = null;
  }

  /**
   * See `readDrift`; null without a reference. One that is still being made is finished first: requests that come so
   * fast leave no turns between them.
   */
  read(requests: readonly RequestSummary[], previous: DriftReading | null): DriftReading | null {
    this.#finish();
    return this.#reference && readDrift(this.#reference, requests, previous);
  }

  /** Nothing more will be read; what was being made can be kept. */
  close(): void {
    try {
      this.#finish();
    } catch {
      // Without a reference it would have ended in dense.
    }
  }

  #finish(): void {
    const making = this.#making;
    this.#making = null;
    if (making !== null) this.#reference = making.finish();
  }
}

function* readApart(steps: Steps<DriftReference>, blockRequests: number): Steps<DriftReference> {
  const reference = yield* steps;
  return blockRequests === 1 ? reference : { ...reference, blockRequests };
}
