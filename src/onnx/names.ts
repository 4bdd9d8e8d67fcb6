/** Names that taustat adds to a model. Everything added starts with one prefix, so it can be recognised and hidden. */

export const RESERVED_PREFIX = 'taustat_';

/** The graph input that carries one threshold per site, float32 [S], or [N, S] with a row for each of the request. */
export const THRESHOLD_INPUT = `${RESERVED_PREFIX}threshold`;

/** The graph input that says which rows are measured, float32 [N, 1], not 0 where one is. */
export const MEASURE_INPUT = `${RESERVED_PREFIX}measure`;

/** The graph output that shows site `index` before its gate. */
export function tapName(index: number): string {
  return `${RESERVED_PREFIX}tap_${index}`;
}

/** The graph output that holds the histograms of all sites, one after the other; where rows are told apart, for each of them. */
export const HISTOGRAMS_OUTPUT = `${RESERVED_PREFIX}histograms`;

/** The histogram of site `index`. */
export function histogramName(index: number): string {
  return `${RESERVED_PREFIX}histogram_${index}`;
}

/** The tensor that holds site `index` before its gate when it is not shown as an output. */
export function denseName(index: number): string {
  return `${RESERVED_PREFIX}dense_${index}`;
}

/** An intermediate tensor, and the node that makes it, inside the gate of site `index`. */
export function gatePartName(index: number, part: string): string {
  return `${RESERVED_PREFIX}gate_${index}_${part}`;
}

/** The copy of a tensor in the bordered layout of sparse convolutions. */
export function borderedName(tensor: string): string {
  return `${RESERVED_PREFIX}bordered_${tensor}`;
}
