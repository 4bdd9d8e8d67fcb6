const LONGEST = 80;

/** A name from outside as messages show it: in quotes, and never longer than a line. */
export function quoted(name: string): string {
  return name.length > LONGEST ? `'${name.slice(0, LONGEST)}…'` : `'${name}'`;
}
