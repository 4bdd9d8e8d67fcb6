/** How a new threshold reaches production: in stages, each watched before the next. */
export interface Ramp {
  /** Index into the stages. */
  readonly stage: number;
  /** Sampled requests compared at the new threshold in this stage. */
  readonly pairs: number;
}

/** Share of production at the new threshold, per stage. */
export const RAMP_SHARES = [0.01, 0.05, 0.25, 1] as const;
const LAST = RAMP_SHARES.length - 1;

export const RAMP_START: Ramp = { stage: 0, pairs: 0 };
/** All of production at once: what was at 100 % before needs no ramp. */
export const RAMP_DONE: Ramp = { stage: LAST, pairs: 0 };

export function isRamped({ stage }: Ramp): boolean {
  return stage === LAST;
}

export function rampShare({ stage }: Ramp): number {
  return RAMP_SHARES[stage]!;
}

/** One more comparison without an alarm. */
export function advance(ramp: Ramp, stageSamples: number): Ramp {
  if (isRamped(ramp)) return ramp;
  const pairs = ramp.pairs + 1;
  return pairs < stageSamples ? { ...ramp, pairs } : { stage: ramp.stage + 1, pairs: 0 };
}
