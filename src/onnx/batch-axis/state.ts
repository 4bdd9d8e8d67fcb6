/** Where the rows of a batch are in a tensor. */

/** One number of a shape: fixed, the number of rows, another size that rows do not change, or one that they do. */
export type Size = number | 'rows' | 'other' | 'counted';

/** Sizes along a tensor's axes; undefined where one is not known. */
export type Dimensions = readonly (number | undefined)[];

export type BatchState =
  /** The same whatever the rows are: weights, and what is made of them. */
  | { readonly kind: 'free'; readonly rank: number | undefined; readonly dims: Dimensions | undefined }
  /** Integers taken from shapes; entries undefined: how many is not known. */
  | { readonly kind: 'sizes'; readonly entries: readonly Size[] | undefined; readonly isScalar: boolean }
  /** `axis` has one entry per row of the inputs, in their order, each of its own row alone. */
  | {
      readonly kind: 'rows';
      readonly axis: number;
      readonly rank: number | undefined;
      readonly dims: Dimensions | undefined;
    }
  /** Rows have met, here or before. */
  | { readonly kind: 'met' };

export type Rows = Extract<BatchState, { kind: 'rows' }>;

export const MET: BatchState = Object.freeze({ kind: 'met' });

export function rowsAt(axis: number, rank: number | undefined, dims?: Dimensions): Rows {
  return { kind: 'rows', axis, rank, dims };
}

export function freeOf(rank?: number, dims?: Dimensions): BatchState {
  return { kind: 'free', rank: rank ?? dims?.length, dims };
}

export function sizesOf(entries: readonly Size[] | undefined, isScalar = false): BatchState {
  return { kind: 'sizes', entries, isScalar };
}

/** Whether a value is the same for one row as for many. */
export function isSteady(state: BatchState): boolean {
  if (state.kind === 'free') return true;
  return state.kind === 'sizes' && state.entries !== undefined && state.entries.every(isSteadySize);
}

function isSteadySize(size: Size): boolean {
  return typeof size === 'number' || size === 'other';
}

/** An axis counted from the front; undefined where it is negative and the rank is not known. */
export function fromFront(axis: number, rank: number | undefined): number | undefined {
  if (axis >= 0) return axis;
  return rank === undefined ? undefined : axis + rank;
}
