import type { Metric } from 'prom-client';

/** To the longest that a request may take by default, `server.requestSeconds`. */
export const SECONDS = [
  0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300,
];

/** One of the observations of a bucket, and the trace that it was made in. */
export interface Exemplar {
  readonly traceId: string;
  readonly seconds: number;
  /** Unix milliseconds. */
  readonly at: number;
}

/** Durations under one set of labels. */
export class DurationCounts {
  readonly labels: Readonly<Record<string, string>>;
  /** Per bucket, and beyond the last one. */
  readonly counts = new Float64Array(SECONDS.length + 1);
  /** Of each bucket the latest that was traced. */
  readonly exemplars: (Exemplar | undefined)[] = [];
  sum = 0;

  constructor(labels: Readonly<Record<string, string>>) {
    this.labels = labels;
  }

  /** @param traceId - of the trace that somebody keeps; undefined: nobody does. */
  observe(seconds: number, traceId?: string): void {
    let bucket = 0;
    while (bucket < SECONDS.length && seconds > SECONDS[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += seconds;
    if (traceId !== undefined) this.exemplars[bucket] = { traceId, seconds, at: Date.now() };
  }
}

/**
 * A histogram for what every request observes several times. That of prom-client hashes its labels at each, which took a
 * twentieth of the thread that serves; here whoever observes holds the counts of its labels.
 */
export class Durations<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly L[];
  readonly #children = new Map<string, DurationCounts>();

  constructor(name: string, help: string, labelNames: readonly L[]) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
  }

  /** The counts of a set of labels, made once and kept over reloads of a model. */
  labels(labels: Readonly<Record<L, string>>): DurationCounts {
    const key = JSON.stringify(labels);
    const known = this.#children.get(key);
    if (known !== undefined) return known;
    const counts = new DurationCounts(labels);
    this.#children.set(key, counts);
    return counts;
  }

  /** Forgets the counts of some sets of labels; who holds them counts for nobody. */
  remove(isGone: (labels: Readonly<Record<string, string>>) => boolean): void {
    for (const [key, { labels }] of this.#children) if (isGone(labels)) this.#children.delete(key);
  }

  /** By the series that they belong to, as the text of an exposition names it. */
  exemplars(): ReadonlyMap<string, Exemplar> {
    const bySeries = new Map<string, Exemplar>();
    for (const { labels, exemplars } of this.#children.values())
      for (const [bucket, exemplar] of exemplars.entries())
        if (exemplar !== undefined)
          bySeries.set(seriesOf(`${this.name}_bucket`, leOf(bucket), labels), exemplar);
    return bySeries;
  }

  /** For a registry of prom-client, which asks for its metrics in this form. */
  get asMetric(): Metric {
    const { name, help, labelNames } = this;
    const get = async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: [...this.#children.values()].flatMap((counts) => valuesOf(name, counts)),
    });
    return { name, help, labelNames, get } as unknown as Metric;
  }
}

function leOf(bucket: number): number | '+Inf' {
  return SECONDS[bucket] ?? '+Inf';
}

/** As prom-client writes it. */
function seriesOf(name: string, le: number | string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries({ le, ...labels }).map(([label, value]) => `${label}="${escaped(value)}"`);
  return `${name}{${pairs.join(',')}}`;
}

function escaped(value: string | number): string {
  return String(value).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function valuesOf(name: string, { labels, counts, sum }: DurationCounts) {
  let total = 0;
  const buckets = Array.from(counts, (count, bucket) => {
    total += count;
    return {
      labels: { le: SECONDS[bucket] ?? '+Inf', ...labels },
      value: total,
      metricName: `${name}_bucket`,
    };
  });
  return [
    ...buckets,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: total, metricName: `${name}_count` },
  ];
}
