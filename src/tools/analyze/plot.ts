import { linearScale, linearTicks, logScale, logTicks, type Scale, thinned } from '../../../console/scale.js';
import type { FeatureKind } from '../../criticality/features.ts';

/** One line of a plot; a point that is not finite breaks it. */
export interface Series {
  /** CSS class that gives the colour and the dash. */
  readonly style: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Also a dot at every point, with its values as a tooltip. */
  readonly dots?: boolean;
}

/** The critical point, a later feature, or a feature of the pruned network's own curve. */
export type MarkerRank = 'first' | 'later' | 'full';

/** A marked point on a curve. */
export interface Marker {
  readonly shape: FeatureKind;
  readonly x: number;
  readonly y: number;
  readonly label: string;
  readonly rank: MarkerRank;
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  /** By default linear; `log` needs a positive domain. */
  readonly xScale?: 'linear' | 'log';
  readonly xDomain: readonly [number, number];
  readonly yDomain: readonly [number, number];
  readonly series: readonly Series[];
  readonly markers: readonly Marker[];
  /** A vertical line with its band. */
  readonly critical?: {
    readonly x: number;
    readonly from: number;
    readonly to: number;
    readonly label: string;
  };
  /** A horizontal line to compare with. */
  readonly level?: number;
  /** What stands in place of the curves when there are none. */
  readonly message?: string;
  readonly yFormat?: (value: number) => string;
}

export const PLOT_SIZE = { width: 440, height: 300 } as const;
/** Room that the label of a tick needs, in pixels. */
const TICK_GAP = 40;
const FRAME = { left: 54, right: 12, top: 30, bottom: 42 } as const;

/** A plot as an SVG element; colours come from the classes of the style sheet around it. */
export function plotSvg(plot: Plot): string {
  const { width, height } = PLOT_SIZE;
  const scaleOfX = plot.xScale === 'log' ? logScale : linearScale;
  const x = scaleOfX(plot.xDomain, [FRAME.left, width - FRAME.right]);
  const y = linearScale(plot.yDomain, [height - FRAME.bottom, FRAME.top]);
  const clip = `clip-${plot.title.replace(/\W+/g, '-')}-${plot.xLabel.replace(/\W+/g, '-')}`;
  return [
    `<svg class="plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(plot.title)}">`,
    `<clipPath id="${clip}"><rect x="${FRAME.left}" y="${FRAME.top}" width="${width - FRAME.left - FRAME.right}" height="${height - FRAME.top - FRAME.bottom}"/></clipPath>`,
    `<text class="title" x="${FRAME.left}" y="18">${escapeText(plot.title)}</text>`,
    plot.message === undefined
      ? `${axes(plot, x, y)}<g clip-path="url(#${clip})">${criticalBand(plot, x, y)}${level(plot, y)}${plot.series.map((s) => line(s, x, y)).join('')}</g>${criticalLabel(plot, x)}${markers(plot, x, y)}`
      : `<text class="message" x="${(FRAME.left + width - FRAME.right) / 2}" y="${height / 2}">${escapeText(plot.message)}</text>`,
    '</svg>',
  ].join('\n');
}

function axes(plot: Plot, x: Scale, y: Scale): string {
  const { width, height } = PLOT_SIZE;
  const bottom = height - FRAME.bottom;
  const format = plot.yFormat ?? tickText;
  const xTicks = ticksOfX(plot, x).map(
    (value) => `<text class="tick" x="${px(x(value))}" y="${bottom + 16}">${tickText(value)}</text>`,
  );
  const yTicks = linearTicks(plot.yDomain, 5).flatMap((value) => [
    `<line class="grid" x1="${FRAME.left}" x2="${width - FRAME.right}" y1="${px(y(value))}" y2="${px(y(value))}"/>`,
    `<text class="tick y" x="${FRAME.left - 7}" y="${px(y(value) + 4)}">${format(value)}</text>`,
  ]);
  return [
    ...yTicks,
    `<line class="axis" x1="${FRAME.left}" x2="${width - FRAME.right}" y1="${bottom}" y2="${bottom}"/>`,
    ...xTicks,
    `<text class="label" x="${(FRAME.left + width - FRAME.right) / 2}" y="${height - 8}">${escapeText(plot.xLabel)}</text>`,
  ].join('');
}

function ticksOfX({ xScale, xDomain }: Plot, x: Scale): number[] {
  return xScale === 'log' ? thinned(logTicks(xDomain), x, TICK_GAP) : linearTicks(xDomain, 6);
}

function criticalBand({ critical, yDomain }: Plot, x: Scale, y: Scale): string {
  if (critical === undefined) return '';
  const [low, high] = [y(yDomain[1]), y(yDomain[0])];
  const left = x(critical.from);
  const width = Math.max(0, x(critical.to) - left);
  return `<rect class="band" x="${px(left)}" width="${px(width)}" y="${px(low)}" height="${px(high - low)}"/><line class="critical" x1="${px(x(critical.x))}" x2="${px(x(critical.x))}" y1="${px(low)}" y2="${px(high)}"/>`;
}

function criticalLabel({ critical }: Plot, x: Scale): string {
  if (critical === undefined) return '';
  const at = x(critical.x);
  const isLeft = at > PLOT_SIZE.width * 0.75;
  const anchor = isLeft ? 'end' : 'start';
  return `<text class="critical-label" text-anchor="${anchor}" x="${px(at + (isLeft ? -5 : 5))}" y="${FRAME.top + 11}">${escapeText(critical.label)}</text>`;
}

function level({ level: value }: Plot, y: Scale): string {
  if (value === undefined) return '';
  const at = px(y(value));
  return `<line class="level" x1="${FRAME.left}" x2="${PLOT_SIZE.width - FRAME.right}" y1="${at}" y2="${at}"/>`;
}

function line({ style, points, dots }: Series, x: Scale, y: Scale): string {
  let path = '';
  let isDown = false;
  for (const [a, b] of points) {
    const isShown = Number.isFinite(x(a)) && Number.isFinite(b);
    if (isShown) path += `${isDown ? 'L' : 'M'}${px(x(a))} ${px(y(b))}`;
    isDown = isShown;
  }
  const marks = (dots ? points : [])
    .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b))
    .map(
      ([a, b]) =>
        `<circle class="dot ${style}" cx="${px(x(a))}" cy="${px(y(b))}" r="2.4"><title>${tickText(a)}, ${tickText(b)}</title></circle>`,
    );
  return `<path class="line ${style}" d="${path}"/>${marks.join('')}`;
}

function markers(plot: Plot, x: Scale, y: Scale): string {
  return plot.markers
    .filter((m) => Number.isFinite(m.x) && Number.isFinite(m.y))
    .map((m) => {
      const at = `translate(${px(x(m.x))} ${px(y(m.y))})`;
      const title = `<title>${escapeText(m.label)}</title>`;
      return `<path class="marker ${m.rank}" transform="${at}" d="${MARKER_PATHS[m.shape]}">${title}</path>`;
    })
    .join('');
}

/** A triangle up, a triangle down, a diamond, a cross. */
const MARKER_PATHS = {
  maximum: 'M0-7 6.5 5-6.5 5Z',
  minimum: 'M0 7 6.5-5-6.5-5Z',
  inflection: 'M0-7 6 0 0 7-6 0Z',
  pole: 'M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z',
} as const satisfies Record<FeatureKind, string>;

/** The symbol of a feature, 16 by 16 pixels, for legends. */
export function markerIcon(shape: keyof typeof MARKER_PATHS, rank: MarkerRank): string {
  return `<svg class="icon" viewBox="-8 -8 16 16" width="16" height="16" aria-hidden="true"><path class="marker ${rank}" d="${MARKER_PATHS[shape]}"/></svg>`;
}

export function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}

function tickText(value: number): string {
  return String(Number(value.toPrecision(4))).replace('-', '−');
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}
