/**
 * Converts a Prometheus text exposition to OpenMetrics 1.0: counter families without `_total`, escaped quotes, no empty
 * lines, an end mark. The metrics library can do it too, but then later text expositions lack the `_total`.
 *
 * @param text - exposition in which the names of all counters end in `_total`.
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
