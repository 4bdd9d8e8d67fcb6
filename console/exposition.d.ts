/** Types of exposition.js, which the page and `taustat bench` read metrics with. */

/** One sample of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Samples by the name of their series. */
export type Exposition = ReadonlyMap<string, readonly Sample[]>;

export declare function readExposition(text: string, prefix?: string): Exposition;
export declare function samplesOf(
  exposition: Exposition,
  name: string,
  labels?: Readonly<Record<string, string>>,
): readonly Sample[];
