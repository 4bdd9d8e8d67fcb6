/** How a threshold reaches production: in stages, each watched before the next. */
export interface Ramp {
  /** Index into the stages. */
  readonly stage: number;
  /** Sampled requests of this stage's share of production that were compared at the new threshold. */
  readonly comparisons: number;
  /** Sampled requests of the rest of production that were compared meanwhile. */
  readonly others: number;
}

/** Share of production at the new threshold, per stage. */
export const RAMP_SHARES = [0.01, 0.05, 0.25, 1] as const;
export const LAST_STAGE = RAMP_SHARES.length - 1;

export const RAMP_START: Ramp = { stage: 0, comparisons: 0, others: 0 };
/** From one threshold that is proven to the next. */
export const RAMP_CLIMB: Ramp = { stage: 1, comparisons: 0, others: 0 };
/** A finished ramp: a threshold that had all of production before gets it back at once. */
export const RAMP_DONE: Ramp = { stage: LAST_STAGE, comparisons: 0, others: 0 };

export function isRamped({ stage }: Ramp): boolean {
  return stage === LAST_STAGE;
}

export function rampShare({ stage }: Ramp): number {
  return RAMP_SHARES[stage]!;
}

/** A stage is not waited for where it gets less than this part of the requests that its share promises. */
const LEAST_PART = 0.5;

/**
 * Whether a stage has seen enough: as many requests of its own were compared as it wants. Few ids may leave a stage almost
 * without requests; it is then enough when so many of the others were compared that twice as many of its own were to be
 * expected.
 */
export function isSeen(ramp: Ramp, stageSamples: number): boolean {
  return ramp.comparisons >= stageSamples || ramp.others * rampShare(ramp) * LEAST_PART >= stageSamples;
}

/**
 * One more comparison without an alarm: a stage that has seen enough ends once the next one is allowed.
 *
 * @param isDue - of a request that belongs to the share which the ramp has reached.
 * @param allowed - the last stage that there is evidence for.
 * @param isFirst - false: it resembles one before it, and does not count.
 */
export function advance(
  ramp: Ramp,
  isDue: boolean,
  stageSamples: number,
  allowed = LAST_STAGE,
  isFirst = true,
): Ramp {
  if (isRamped(ramp)) return ramp;
  const next = isFirst ? counted(ramp, isDue) : ramp;
  const isOver = ramp.stage < allowed && isSeen(next, stageSamples);
  return isOver ? { stage: ramp.stage + 1, comparisons: 0, others: 0 } : next;
}

function counted(ramp: Ramp, isDue: boolean): Ramp {
  return isDue ? { ...ramp, comparisons: ramp.comparisons + 1 } : { ...ramp, others: ramp.others + 1 };
}
