/**
 * Comparisons of requests that resemble each other, as evidence takes them in: those of one block count as one, which is their mean.
 *
 * A bet on the next observation is fair if that one has the mean that is claimed, whatever was seen before. Neighbours that resemble
 * each other break that: the next loss is likely to be that of the last. Requests of different blocks hardly resemble each other, so
 * that the means of blocks are bet on as single requests are where these are independent. A mean of losses in [0, 1] is one, too.
 * Between two blocks some requests are left out, so that the end of one says nothing of the beginning of the next.
 * Source of blocks for dependent observations: Carlstein 1986; Politis & White 2004.
 */

/** Where a request belongs. */
export interface Unit {
  /** Number of its stream. */
  readonly stream: number;
  /** Number of the block among those of its stream. */
  readonly block: number;
  /** Requests of the block that are still to come; negative: this one lies between the block and the next, and is no evidence. */
  readonly left: number;
}

/** A block of which requests are still to come. */
export interface OpenBlock extends Unit {
  readonly sum: number;
  readonly count: number;
}

/** Streams that have an open block at the same time, at most. Beyond that the one that was seen longest ago is closed. */
const MOST_OPEN = 64;

export interface Grouped {
  readonly open: readonly OpenBlock[];
  /** Means of the blocks that are complete now, 0–1. */
  readonly closed: readonly number[];
}

/**
 * Takes in the loss of one comparison, 0–1. O(open blocks).
 *
 * @param unit - undefined: the request resembles no other, and is complete by itself.
 */
export function grouped(open: readonly OpenBlock[], loss: number, unit: Unit | undefined): Grouped {
  if (unit === undefined) return { open: [], closed: [...open.map(meanOf), loss] };
  const { stream, block } = unit;
  const before = open.find((known) => known.stream === stream);
  const others = before === undefined ? open : open.filter((known) => known !== before);
  const isSame = before?.block === block;
  const closed = before === undefined || isSame ? [] : [meanOf(before)];
  if (unit.left < 0) return { open: others, closed: before === undefined ? [] : [meanOf(before)] };
  const { sum, count } = isSame ? before : NOTHING;
  const next = { ...unit, sum: sum + loss, count: count + 1 };
  if (unit.left === 0) return { open: others, closed: [...closed, meanOf(next)] };
  const [oldest] = others;
  return oldest !== undefined && others.length >= MOST_OPEN
    ? { open: [...others.slice(1), next], closed: [...closed, meanOf(oldest)] }
    : { open: [...others, next], closed };
}

const NOTHING = { sum: 0, count: 0 } as const;

function meanOf({ sum, count }: OpenBlock): number {
  return sum / count;
}

/** The least that the mean of a block can still become: all that is to come loses nothing. */
export function leastMean({ sum, count, left }: OpenBlock): number {
  return sum / (count + left);
}

/** Whether a request is the first of its block that is compared. */
export function isFirstOf(open: readonly OpenBlock[], unit: Unit | undefined): boolean {
  if (unit === undefined) return true;
  const { stream, block, left } = unit;
  return left >= 0 && !open.some((known) => known.stream === stream && known.block === block);
}
