import type { RequestSummary } from '../../src/estimator/summary.ts';

export type Random = () => number;
export type Traffic = (random: Random) => RequestSummary;

/** A normal number by Box–Muller. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Stationary traffic: summaries of requests that know nothing of each other. */
export const TRAFFIC: Readonly<Record<string, Traffic>> = {
  'one site': (random) => [normal(random), Math.exp(normal(random))],
  'five sites, correlation .9': (random) => {
    const common = Math.sqrt(0.9) * normal(random);
    return Array.from({ length: 10 }, () => common + Math.sqrt(0.1) * normal(random));
  },
  'five sites, heavy tails': (random) => {
    const common = normal(random);
    const size = 1 / Math.sqrt(0.01 - Math.log(1 - random()));
    return Array.from({ length: 10 }, () => size * (common + normal(random)));
  },
  'twenty sites, level and spread nearly the same': (random) =>
    Array.from({ length: 20 }, () => normal(random)).flatMap((level) => [
      level,
      level + 0.1 * normal(random),
    ]),
  'five sites, ten classes': (random) => {
    const type = Math.floor(10 * random());
    return Array.from({ length: 10 }, (_, c) => 2 * Math.sin(1.3 * type * (c + 1)) + 0.3 * normal(random));
  },
  'two sites, five atoms': (random) => {
    const isCommon = random() < 0.8;
    return Array.from({ length: 4 }, () => Math.floor(random() * (isCommon ? 3 : 2)) + (isCommon ? 0 : 3));
  },
};

/** So many requests of a traffic. */
export function requestsOf(traffic: Traffic, count: number, random: Random): RequestSummary[] {
  return Array.from({ length: count }, () => traffic(random));
}
