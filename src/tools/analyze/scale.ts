/** A linear scale from values to pixels. */
export interface Scale {
  readonly domain: readonly [number, number];
  readonly of: (value: number) => number;
}

export function linearScale(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [a, b] = domain;
  const [from, to] = range;
  const factor = (to - from) / (b - a);
  return { domain, of: (value) => from + (value - a) * factor };
}

/** Round numbers inside a domain, about `count` of them, 1, 2 or 5 times a power of ten apart. */
export function ticks([a, b]: readonly [number, number], count: number): number[] {
  const rough = (b - a) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((f) => f * power >= rough * (1 - 1e-9)) ?? 10;
  const step = factor * power;
  const first = Math.ceil(a / step - 1e-9);
  const last = Math.floor(b / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** The smallest domain that shows all finite values, with a margin; wider than a point. */
export function domainOf(values: readonly number[], margin = 0.06): [number, number] {
  const shown = values.filter(Number.isFinite);
  if (shown.length === 0) return [0, 1];
  const low = Math.min(...shown);
  const high = Math.max(...shown);
  const extra = (high - low || Math.abs(high) || 1) * margin;
  return [low - extra, high + extra];
}
