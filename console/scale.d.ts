/** Types of scale.js, which the page and the report of `taustat analyze` draw their plots with. */

export type Interval = readonly [number, number];
/** From a quantity to pixels. */
export type Scale = (value: number) => number;

export declare function linearScale(domain: Interval, range: Interval): Scale;
export declare function logScale(domain: Interval, range: Interval): Scale;
export declare function linearTicks(domain: Interval, count: number): number[];
export declare function logTicks(domain: Interval): number[];
export declare function thinned(ticks: readonly number[], scale: Scale, gap: number): number[];
export declare function pathThrough(points: readonly (Interval | null)[]): string;
