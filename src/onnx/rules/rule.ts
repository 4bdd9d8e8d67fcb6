import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../graph.ts';

/** A tensor that may be gated. */
export interface Hit {
  readonly kind: 'hit';
  readonly tensor: string;
  readonly op: string;
  /** The node that names the site. */
  readonly node: NodeProto;
  readonly isNonNegative: boolean;
  /** Who reads it pruned; see `Site`. */
  readonly prunedFor: 'all' | 'linear-layers';
  /** See poles.ts. */
  readonly pole: number | null;
}

/** A candidate that a rule declines, and why. */
export interface Miss {
  readonly kind: 'miss';
  readonly tensor: string;
  readonly op: string;
  readonly node: NodeProto;
  readonly reason: string;
}

export type Match = Hit | Miss;

/** One family of sites. A rule answers only for nodes that are its own: the others get undefined. */
export interface SiteRule {
  readonly name: string;
  match(node: NodeProto, graph: GraphIndex): Match | undefined;
}

export function hit(
  node: NodeProto,
  op: string,
  tensor: string,
  isNonNegative: boolean,
  pole: number | null = null,
  prunedFor: Hit['prunedFor'] = 'all',
): Hit {
  return { kind: 'hit', node, op, tensor, isNonNegative, prunedFor, pole };
}

export function miss(node: NodeProto, op: string, tensor: string, reason: string): Miss {
  return { kind: 'miss', node, op, tensor, reason };
}
