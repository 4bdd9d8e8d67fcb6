import type { OwnScores } from './bootstrap.ts';
import { rowsPerStep, type Steps } from './steps.ts';

/** Averages of every channel at moments around one, normalised; moments × channels. */
interface Excerpt {
  readonly normals: Float64Array;
  /** The channel that is put beyond the limit at the middle moment. */
  readonly chosen: number;
  /** Uniform in (0, 1): how far beyond. */
  readonly quantile: number;
  /** Correlation of every channel with the chosen one. */
  readonly correlation: Float64Array;
}

export interface Excerpts {
  readonly channels: number;
  readonly excerpts: readonly Excerpt[];
}

/** Moments per relaxation time of the average, moments to either side, moments between two excerpts. */
const RESOLUTION = 32;
const REACH = 24;
const STRIDE = 16;
const MOMENTS = 2 * REACH + 1;
const GOLDEN_RATIO = 0.6180339887498949;

/** Excerpts from a stream of averages that is resampled from the reference's requests, with random signs. */
export function* excerpts(own: OwnScores, count: number, random: () => number): Steps<Excerpts> {
  const { channels } = own;
  const stream = yield* resampledStream(own, MOMENTS + STRIDE * count, random);
  const columns = new Map<number, Float64Array>();
  const cut: Excerpt[] = [];
  for (let b = 0; b < count; b++) {
    const from = b * STRIDE * channels;
    const chosen = Math.floor((b * channels) / count);
    const column = columns.get(chosen) ?? (yield* correlation(own, chosen));
    columns.set(chosen, column);
    cut.push({
      normals: stream.subarray(from, from + MOMENTS * channels),
      chosen,
      quantile: (b * GOLDEN_RATIO + 0.5) % 1,
      correlation: column,
    });
    yield;
  }
  return { channels, excerpts: cut };
}

function* resampledStream(
  { size, channels, score, variance }: OwnScores,
  moments: number,
  random: () => number,
): Steps<Float64Array> {
  const rows = rowsPerStep(channels);
  const keep = Math.exp(-1 / RESOLUTION);
  const scale = variance.map((v) => Math.sqrt((1 - keep * keep) / (v || 1)));
  const warmUp = 2 * RESOLUTION;
  const stream = new Float64Array((moments + warmUp) * channels);
  for (let t = 1; t < moments + warmUp; t++) {
    const sign = random() < 0.5 ? -1 : 1;
    const request = Math.floor(random() * size) * channels;
    const now = t * channels;
    for (let c = 0; c < channels; c++) {
      stream[now + c] = keep * stream[now - channels + c]! + sign * scale[c]! * score[request + c]!;
    }
    if (t % rows === 0) yield;
  }
  return stream.subarray(warmUp * channels);
}

function* correlation({ size, channels, score, variance }: OwnScores, channel: number): Steps<Float64Array> {
  const rows = rowsPerStep(channels);
  const column = new Float64Array(channels);
  for (let i = 0; i < size; i++) {
    const weight = score[i * channels + channel]! / size;
    for (let c = 0; c < channels; c++) column[c]! += weight * score[i * channels + c]!;
    if (i % rows === rows - 1) yield;
  }
  return column.map((x, c) => x / (Math.sqrt(variance[c]! * variance[channel]!) || 1));
}

/**
 * The effective number of independent channels, as a share of all channels: how many times as often the channels raise an
 * alarm together as one alone, over their number. 1 when no two ever cross the limit together, 1/channels when they are
 * all the same. Extreme value theory calls the number the extremal coefficient.
 *
 * Crossings of the limit come in clusters: an average that is beyond it stays there for a while, and takes along the
 * channels that depend on it. A cluster is one alarm, and each crossing counts 1/size of an alarm. The mean of
 * 1/size is estimated by importance sampling: each excerpt has one channel shifted beyond the limit at its middle moment,
 * the averages around it follow by their correlation, and the size is the number of crossings in it, of all channels or of
 * the shifted one alone. O(excerpts · moments · channels).
 *
 * Source: Naiman & Priebe 2001; Adler, Blanchet & Liu 2012.
 *
 * @param excerpts - pieces of resampled averages; see `excerpts`.
 * @param levels - the limit in standard deviations of each channel's average, > 0; one per channel.
 * @returns a share, 0–1; 1 where there are no excerpts.
 */
export function* effectiveShare({ channels, excerpts }: Excerpts, levels: Float64Array): Steps<number> {
  let together = 0;
  let alone = 0;
  for (const excerpt of excerpts) {
    const level = levels[excerpt.chosen]!;
    const weight = Math.exp((-level * level) / 2) / level;
    const [all, own] = momentsBeyond(excerpt, channels, levels);
    together += weight / all;
    alone += weight / own;
    yield;
  }
  return alone > 0 ? together / alone : 1;
}

function momentsBeyond(
  { normals, chosen, quantile, correlation }: Excerpt,
  channels: number,
  levels: Float64Array,
): [all: number, own: number] {
  const level = levels[chosen]!;
  const shift = Math.sqrt(level * level - 2 * Math.log(1 - quantile)) - normals[REACH * channels + chosen]!;
  let all = 0;
  let own = 0;
  for (let t = 0; t < MOMENTS; t++) {
    const shifted = shift * FADING[t]!;
    for (let c = 0; c < channels; c++) {
      const isBeyond = Math.abs(normals[t * channels + c]! + correlation[c]! * shifted) > levels[c]!;
      if (!isBeyond) continue;
      all++;
      if (c === chosen) own++;
    }
  }
  return [Math.max(1, all), Math.max(1, own)];
}

const FADING = Float64Array.from({ length: MOMENTS }, (_, t) => Math.exp(-Math.abs(t - REACH) / RESOLUTION));
