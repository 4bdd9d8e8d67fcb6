import { isFirstOf, type Unit } from '../../control/guard/blocks.ts';
import {
  freshWatch,
  isAlarmed,
  isSuspicious,
  type Watch,
  type WatchOptions,
  watched,
} from '../../control/guard/watch.ts';
import type { Withheld } from '../../control/phases/state.ts';

/**
 * So many times as long as that of the guard of all is the run length of a replica's own: false alarms of all replicas together
 * become a tenth more, and a replica whose own answers are wrong is told from the others soon.
 */
const OWN_RUN_LENGTH = 10;

export interface LocalGuardOptions extends WatchOptions {
  /** Comparisons without an alarm that bring back a replica which had one, or whose runs had failed. */
  readonly cooldownSamples: number;
  /** Comparisons that bring back one of whose answers none was compared. */
  readonly rampSamples: number;
}

/**
 * What one replica knows against its own answers, whoever decides for all. It is dense at once where these disagree, where shadow
 * runs fail, or where none is compared; and comes back after so many comparisons in the shadow.
 */
export class LocalGuard {
  readonly #options: LocalGuardOptions;
  readonly #watchOptions: WatchOptions;
  #threshold = 0;
  #watch: Watch;
  #compared = 0;
  #withheld: Exclude<Withheld, 'unshared'> | undefined;

  constructor(options: LocalGuardOptions) {
    this.#options = options;
    this.#watchOptions = { ...options, alarmRunLength: OWN_RUN_LENGTH * options.alarmRunLength };
    this.#watch = freshWatch(options);
  }

  /** Why the replica is to be dense; undefined: nothing speaks against it. */
  get withheld(): Exclude<Withheld, 'unshared'> | undefined {
    return this.#withheld;
  }

  /** What production is heading for. Another threshold, or other traffic, is watched afresh; a lower one has no alarm yet. */
  follow(threshold: number, isOtherTraffic: boolean): void {
    const isLower = threshold < this.#threshold;
    if (threshold !== this.#threshold || isOtherTraffic) this.#watch = freshWatch(this.#options);
    if (this.#withheld === 'disagreement' && (isOtherTraffic || isLower)) this.#withheld = undefined;
    if (this.#withheld === 'unverified' && threshold === 0) this.#withheld = undefined;
    this.#threshold = threshold;
  }

  /** One comparison at what production is heading for. */
  compared(loss: number, unit: Unit | undefined, isDue: boolean): void {
    const isFirst = isFirstOf(this.#watch.open, unit);
    this.#watch = watched(this.#watch, loss, unit, isDue);
    if (isAlarmed(this.#watch, this.#watchOptions)) this.#withhold('disagreement');
    // Answers that have just disagreed bring nothing back.
    else if (isFirst && this.#withheld !== 'failure' && !isSuspicious(this.#watch)) this.#count();
  }

  /** A shadow run has not failed. */
  ran(): void {
    if (this.#withheld === 'failure') this.#count();
  }

  /** Shadow runs fail. */
  failed(): void {
    this.#withhold('failure');
  }

  /** Many answers in a row were not compared. What is known against them weighs more. */
  uncompared(): void {
    if (this.#withheld === undefined || this.#withheld === 'unverified') this.#withhold('unverified');
  }

  #count(): void {
    const { cooldownSamples, rampSamples } = this.#options;
    const wanted = this.#withheld === 'unverified' ? rampSamples : cooldownSamples;
    if (++this.#compared >= wanted) this.#withheld = undefined;
  }

  #withhold(reason: Exclude<Withheld, 'unshared'>): void {
    this.#withheld = reason;
    this.#compared = 0;
    this.#watch = freshWatch(this.#options);
  }
}
