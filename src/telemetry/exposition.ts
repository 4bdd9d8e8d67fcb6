import type { Exemplar } from './durations.ts';

/**
 * Converts a Prometheus text exposition to OpenMetrics 1.0: counter families without `_total`, escaped quotes, no empty
 * lines, an end mark. The metrics library can do it too, but then later text expositions lack the `_total`.
 *
 * @param text - exposition in which the names of all counters end in `_total`.
 * @param exemplars - by the series that they are shown beside.
 */
export function toOpenMetrics(text: string, exemplars: ReadonlyMap<string, Exemplar> = new Map()): string {
  const counters = new Set<string>();
  for (const [, name] of text.matchAll(/^# TYPE (\S+)_total counter$/gm)) counters.add(name!);
  const families = text.replace(/^# (HELP|TYPE) (\S+)_total(?= )/gm, (line, keyword: string, name: string) =>
    counters.has(name) ? `# ${keyword} ${name}` : line,
  );
  const escaped = families.replace(/^# HELP .*$/gm, (line) => line.replaceAll('"', '\\"'));
  const plain = escaped
    .replace(/ Nan$/gm, ' NaN')
    .replace(/\n{2,}/g, '\n')
    .trimEnd();
  return `${exemplars.size === 0 ? plain : withExemplars(plain, exemplars)}\n# EOF\n`;
}

function withExemplars(text: string, exemplars: ReadonlyMap<string, Exemplar>): string {
  return text.replace(/^(\w+_bucket\{.*\}) (\S+)$/gm, (line, series: string) => {
    const exemplar = exemplars.get(series);
    if (exemplar === undefined) return line;
    const { traceId, seconds, at } = exemplar;
    return `${line} # {trace_id="${traceId}"} ${seconds} ${(at / 1000).toFixed(3)}`;
  });
}

/** Whether an Accept header accepts OpenMetrics and prefers it to plain text, or has no preference. */
export function prefersOpenMetrics(accept: string | undefined): boolean {
  let open = 0;
  let plain = 0;
  for (const item of accept?.toLowerCase().split(',') ?? []) {
    const [type, ...parameters] = item.split(';').map((part) => part.trim());
    const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    if (type === 'application/openmetrics-text') open = Math.max(open, quality);
    if (type === 'text/plain') plain = Math.max(plain, quality);
  }
  return open > 0 && open >= plain;
}
