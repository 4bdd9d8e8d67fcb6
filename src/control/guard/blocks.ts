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
  /** Comparisons; 0: it was closed before its end, and what is still to come of it is no evidence. */
  readonly count: number;
  /** Comparisons of requests that production answers so; absent: none. */
  readonly due?: number;
}

/** Streams that have an open block at the same time, at most. Beyond that the one that was seen longest ago is closed. */
const MOST_OPEN = 64;
/** Blocks that were closed before their end and are remembered, at most: one of every stream that is told apart. */
const MOST_CUT = 4096;

export interface Grouped {
  readonly open: readonly OpenBlock[];
  /** Means of the blocks that are complete now, 0–1. */
  readonly closed: readonly number[];
}

/**
 * Takes in the loss of one comparison, 0–1. O(open blocks). A block that is closed before its end counts with what was compared
 * of it, and only once.
 *
 * @param unit - undefined: the request resembles no other, and is complete by itself.
 * @param isDue - production answers such a request as it was compared.
 */
export function grouped(
  open: readonly OpenBlock[],
  loss: number,
  unit: Unit | undefined,
  isDue = true,
): Grouped {
  if (unit === undefined) return { open: [], closed: [...open.filter(isCounting).map(meanOf), loss] };
  const { stream, block } = unit;
  const before = open.find((known) => known.stream === stream);
  const isSame = before?.block === block;
  if (isSame && before !== undefined && !isCounting(before) && unit.left >= 0) return { open, closed: [] };
  const others = before === undefined ? open : open.filter((known) => known !== before);
  const ended = before !== undefined && isCounting(before) ? [meanOf(before)] : [];
  if (unit.left < 0) return { open: others, closed: ended };
  const closed = isSame ? [] : ended;
  const { sum, count, due = 0 } = isSame ? before : NOTHING;
  const next = { ...unit, sum: sum + loss, count: count + 1, due: due + (isDue ? 1 : 0) };
  if (unit.left === 0) return { open: others, closed: [...closed, meanOf(next)] };
  return isSame ? { open: [...others, next], closed } : withinBounds([...others, next], closed);
}

const NOTHING = { sum: 0, count: 0, due: 0 } as const;

/** One block was opened: where that is one too many, the one seen longest ago is closed, and remembered among the first. */
function withinBounds(open: readonly OpenBlock[], closed: readonly number[]): Grouped {
  const cut = open.filter((known) => !isCounting(known));
  const counting = open.filter(isCounting);
  const [oldest] = counting;
  if (oldest === undefined || counting.length <= MOST_OPEN) return { open, closed };
  const { stream, block, left } = oldest;
  const remembered = [...cut, { stream, block, left, sum: 0, count: 0 }].slice(-MOST_CUT);
  return { open: [...remembered, ...counting.slice(1)], closed: [...closed, meanOf(oldest)] };
}

function isCounting({ count }: OpenBlock): boolean {
  return count > 0;
}

function meanOf({ sum, count }: OpenBlock): number {
  return sum / count;
}

/** The least that the means of the blocks that count can still become: all that is to come loses nothing. */
export function leastMeans(open: readonly OpenBlock[]): readonly number[] {
  return open.filter(isCounting).map(({ sum, count, left }) => sum / (count + left));
}

/**
 * Whether a request is the first of its block that is compared.
 *
 * @param isDue - the first of those that production answers so, or of the others; absent: of all.
 */
export function isFirstOf(open: readonly OpenBlock[], unit: Unit | undefined, isDue?: boolean): boolean {
  if (unit === undefined) return true;
  const { stream, block, left } = unit;
  if (left < 0) return false;
  const known = open.find((other) => other.stream === stream && other.block === block);
  if (known === undefined) return true;
  if (isDue === undefined || !isCounting(known)) return false;
  const { count, due = 0 } = known;
  return isDue ? due === 0 : due === count;
}
