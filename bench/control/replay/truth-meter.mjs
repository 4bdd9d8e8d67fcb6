// The truth about production, which only the harness knows: over every window of 1,000 requests.
import { present } from '../../present.mjs';
import { RollingMean } from './rolling-mean.mjs';

/** @typedef {import('./recorded.mjs').Truth} Truth */

export const WINDOW = 1000;

/**
 * `loss`: what the promise is about, of the whole traffic at the applied threshold; `realised`: the same of the requests that came;
 * `oracle`: of these, too, but at the largest threshold that keeps the promise on that traffic, all along.
 */
export class TruthMeter {
  means = {
    loss: new RollingMean(WINDOW),
    realised: new RollingMean(WINDOW),
    oracle: new RollingMean(WINDOW),
    disagreement: new RollingMean(WINDOW),
    accuracy: new RollingMean(WINDOW),
  };
  #truth;

  /** @param {Truth} truth */
  constructor(truth) {
    this.#truth = truth;
  }

  /**
   * One answered request.
   *
   * @param {import('./replayer.mjs').Traffic} traffic
   * @param {import('./traffic.mjs').Item} item
   * @param {number} threshold - what it was really computed at.
   * @param {number} best - the oracle's.
   */
  add(traffic, item, threshold, best) {
    const { loss, realised, oracle, disagreement, accuracy } = this.means;
    const lost = (/** @type {number} */ at) =>
      present(item.recorded.losses(this.#truth, item.recorded.indexOf(at))[item.row]);
    loss.add(traffic.rate(this.#truth, threshold));
    disagreement.add(traffic.rate('top1', threshold));
    accuracy.add(traffic.rate('accuracy', threshold));
    realised.add(lost(threshold));
    oracle.add(lost(best));
  }

  /** The worst windows since the last time. */
  take() {
    const worst = Object.fromEntries(Object.entries(this.means).map(([key, mean]) => [key, mean.worst]));
    for (const mean of Object.values(this.means)) mean.restart();
    return /** @type {Record<'loss' | 'realised' | 'oracle' | 'disagreement' | 'accuracy', number>} */ (
      worst
    );
  }
}
