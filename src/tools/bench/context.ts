/** Where a measurement reports to, and what ends it early. */
export interface BenchContext {
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}
