import type { BatchState, Dimensions, Size } from './state.ts';

/** What is known of tensors when a node is reached. */
export interface Reading {
  readonly opset: number;
  readonly state: (tensor: string) => BatchState;
  readonly rank: (tensor: string) => number | undefined;
  /** Sizes that the file declares. */
  readonly declared: (tensor: string) => Dimensions | undefined;
  /** The numbers of a small constant. */
  readonly numbers: (tensor: string) => readonly number[] | undefined;
  readonly sizes: (
    tensor: string,
  ) => { readonly entries: readonly Size[] | undefined; readonly isScalar: boolean } | undefined;
}

/** One state per output, or the reason. */
export type Outcome = readonly BatchState[] | string;
