/**
 * The OpenMetrics form of a Prometheus text exposition: a family of counters is named without `_total`, quotes in a
 * sentence are escaped, no empty lines, an end mark. Source: OpenMetrics 1.0. The metrics library has that form too, but
 * renames the counters themselves for it, so that every later text exposition lacks the `_total`.
 *
 * @param text - every counter's name ends in `_total`.
 */
export function toOpenMetrics(text: string): string {
  const counters = new Set<string>();
  for (const [, name] of text.matchAll(/^# TYPE (\S+)_total counter$/gm)) counters.add(name!);
  const families = text.replace(/^# (HELP|TYPE) (\S+)_total(?= )/gm, (line, keyword: string, name: string) =>
    counters.has(name) ? `# ${keyword} ${name}` : line,
  );
  const escaped = families.replace(/^# HELP .*$/gm, (line) => line.replaceAll('"', '\\"'));
  return `${escaped
    .replace(/ Nan$/gm, ' NaN')
    .replace(/\n{2,}/g, '\n')
    .trimEnd()}\n# EOF\n`;
}

/** Whether an Accept header puts OpenMetrics at least as high as plain text, and does not refuse it. */
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
