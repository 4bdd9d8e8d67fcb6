/** An exponentially weighted average that remembers about `memory` values. */
export interface Average {
  /** Weight of the newest value. */
  readonly weight: number;
  /** Standard deviation of the average of independent values of variance 1, in the long run. */
  readonly deviation: number;
  /** Share of its deviation from the mean that the average loses per value, as a rate of continuous time. */
  readonly rate: number;
  /** Skewness and excess kurtosis of the average as shares of those of a value. */
  readonly skewness: number;
  readonly kurtosis: number;
}

/** The weight that makes the average as noisy as the mean of `memory` values. Source: Roberts 1959. */
export function averageOf(memory: number): Average {
  const weight = 2 / (memory + 1);
  const keep = 1 - weight;
  const deviation = Math.sqrt(weight / (2 - weight));
  return {
    weight,
    deviation,
    rate: -Math.log(keep),
    skewness: weight ** 3 / (1 - keep ** 3) / deviation ** 3,
    kurtosis: weight ** 4 / (1 - keep ** 4) / deviation ** 4,
  };
}
