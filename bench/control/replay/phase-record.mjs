// What the controller did in one phase of a scenario, in sampled requests since the phase began.

/**
 * @typedef {import('./production.mjs').Production} Production
 * @typedef {Production & { request: number, sampled: number }} Move
 */

/** A run with more moves than this has told enough. */
const MOST_MOVES = 2000;

export class PhaseRecord {
  requests = 0;
  /** Sampled requests, those that failed included. */
  sampled = 0;
  failed = 0;
  /** Compared answers. */
  pairs = 0;
  alarms = 0;
  /** @type {Move[]} */
  moves = [];
  /** Sampled requests until the controller took alarm, production was all dense, a trial began again, a part of production was pruned again, a quarter of it, all of it. */
  delays = {
    /** @type {number | null} */ alarmed: null,
    /** @type {number | null} */ dense: null,
    /** @type {number | null} */ tried: null,
    /** @type {number | null} */ applied: null,
    /** @type {number | null} */ quarter: null,
    /** @type {number | null} */ full: null,
  };
  /** @type {number | null} */
  pairsToDense = null;
  /** Sampled requests since the last move. */
  quiet = 0;
  #sparsitySum = 0;

  /** @param {string} name @param {boolean} isDrift @param {Production} start */
  constructor(name, isDrift, start) {
    this.name = name;
    this.isDrift = isDrift;
    this.start = start;
    this.last = start;
  }

  /** @param {number} sparsity */
  served(sparsity) {
    this.requests++;
    this.#sparsitySum += sparsity;
  }

  /** Mean β of production over the phase. */
  get meanSparsity() {
    return this.requests === 0 ? 0 : this.#sparsitySum / this.requests;
  }

  /** After every sampled request. @param {Production} now @param {boolean} isPair - answers were compared at what production runs at. */
  saw(now, isPair) {
    this.sampled++;
    this.quiet++;
    if (isPair) this.pairs++;
    const { last } = this;
    if (now.state !== last.state || now.threshold !== last.threshold || now.share !== last.share) {
      this.quiet = 0;
      if (now.isAlarmed && now.state !== last.state) this.alarms++;
      if (this.moves.length < MOST_MOVES)
        this.moves.push({ ...now, request: this.requests, sampled: this.sampled });
    }
    this.#time(now);
    this.last = now;
  }

  /** @param {Production} now */
  #time(now) {
    const { delays, sampled } = this;
    if (now.isAlarmed && now.detail !== this.start.detail) delays.alarmed ??= sampled;
    if (now.threshold === 0 && delays.dense === null) {
      delays.dense = sampled;
      this.pairsToDense = this.pairs;
    }
    if (delays.alarmed === null) return;
    if (now.isTrying && !now.isAlarmed) delays.tried ??= sampled;
    if (delays.tried === null) return;
    if (now.share > 0) delays.applied ??= sampled;
    if (now.share >= 0.25) delays.quarter ??= sampled;
    if (now.share === 1) delays.full ??= sampled;
  }

  /** Thresholds that were applied, one after the other, dense left out; a path of its own from each alarm of drift on. */
  get paths() {
    const paths = [this.start.threshold === 0 ? [] : [this.start.threshold]];
    let { state } = this.start;
    for (const move of this.moves) {
      const path = /** @type {number[]} */ (paths.at(-1));
      if (move.state === 'drifted' && state !== 'drifted') paths.push(path.slice(-1));
      else if (move.threshold !== 0 && move.threshold !== path.at(-1)) path.push(move.threshold);
      state = move.state;
    }
    return paths;
  }

  /** How often τ turns round after one alarm of drift, at most. */
  get reversals() {
    return Math.max(...this.paths.map(turnsOf));
  }

  /** What is kept of it. */
  get summary() {
    const { name, isDrift, requests, sampled, failed, pairs, alarms, delays, pairsToDense } = this;
    const { meanSparsity, reversals, paths, moves, last } = this;
    return {
      ...{ name, isDrift, requests, sampled, failed, pairs, alarms, delays, pairsToDense },
      ...{ meanSparsity, reversals, paths },
      moves: moves.length,
      changes: moves.filter(({ threshold }, i) => threshold !== (moves[i - 1] ?? this.start).threshold)
        .length,
      start: { state: this.start.state, threshold: this.start.threshold },
      end: { state: last.state, threshold: last.threshold, share: last.share, detail: last.detail },
    };
  }
}

/** @param {readonly number[]} path */
function turnsOf(path) {
  const directions = path.slice(1).map((threshold, i) => Math.sign(threshold - (path[i] ?? threshold)));
  return directions.filter((direction, i) => i > 0 && direction !== directions[i - 1]).length;
}
