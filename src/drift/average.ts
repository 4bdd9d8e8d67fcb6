/** An exponentially weighted average that remembers about `memory` values. */
export interface Average {
  /** Weight of the newest value. */
  readonly weight: number;
  /** Standard deviation of the average of independent values of variance 1, in the long run. */
  readonly deviation: number;
  /** Share of its deviation from the mean that the average loses per value, as a rate of continuous time. */
  readonly rate: number;
}

/** The weight that makes the average as noisy as the mean of `memory` values. Source: Roberts 1959. */
export function averageOf(memory: number): Average {
  const weight = 2 / (memory + 1);
  return { weight, deviation: Math.sqrt(weight / (2 - weight)), rate: -Math.log(1 - weight) };
}
