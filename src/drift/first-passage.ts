/**
 * Mean time that an Ornstein–Uhlenbeck process of variance 1 and relaxation rate 1 takes from 0 to a level:
 * √(2π) ∫₀^level Φ(u) exp(u²/2) du. 0 for a level that is not above 0; constant beyond 12.
 *
 * Source: Siegert 1951.
 */
export function firstPassage(level: number): number {
  if (level <= 0) return 0;
  const position = Math.min(level / STEP, TABLE.length - 1);
  const i = Math.min(Math.floor(position), TABLE.length - 2);
  return TABLE[i]! + (position - i) * (TABLE[i + 1]! - TABLE[i]!);
}

const STEP = 0.005;
const HIGHEST = 12;

/** Both integrals by the midpoint rule. */
const TABLE = (() => {
  const table = new Float64Array(HIGHEST / STEP + 1);
  let below = Math.sqrt(Math.PI / 2);
  for (let i = 1; i < table.length; i++) {
    const middle = (i - 0.5) * STEP;
    const density = Math.exp((-middle * middle) / 2);
    table[i] = table[i - 1]! + (STEP * (below + (STEP / 2) * density)) / density;
    below += STEP * density;
  }
  return table;
})();
