/** Fields that every line has, and those that the level already says. */
const COMMON: ReadonlySet<string> = new Set(['level', 'time', 'pid', 'hostname', 'name', 'msg']);
const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 40: 'warning', 50: 'error', 60: 'fatal' };

/**
 * A line of the log as a person reads it: the time, what happened, and what is known of it.
 *
 * @param line - JSON, as pino writes it; anything else comes back as it is.
 */
export function readableLine(line: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  const { time, level, msg } = entry;
  if (typeof time !== 'number' || typeof level !== 'number') return line;
  const clock = new Date(time).toISOString().slice(11, 19);
  const kind = LEVELS[level] === undefined ? '' : `${LEVELS[level]}: `;
  const details = Object.entries(entry)
    .filter(([key, value]) => !COMMON.has(key) && value !== null && value !== undefined)
    .map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const said = details.length === 0 ? '' : `  (${details.join(', ')})`;
  return `${clock}  ${kind}${String(msg ?? '')}${said}\n`;
}
