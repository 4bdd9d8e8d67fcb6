export interface Matcher {
  readonly label: string;
  /** The values asked for: one, or the alternatives of a regular expression. */
  readonly values: readonly string[];
}

export interface Selector {
  readonly name: string;
  readonly matchers: readonly Matcher[];
}

/** What a PromQL expression names: series, and the labels that it groups or joins by. */
export interface Names {
  readonly selectors: readonly Selector[];
  readonly labels: readonly string[];
}

const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const TIME = /\[[^\]]*\]|\boffset\s+\S+/g;
const SELECTOR = /(?<![\w:.$"])([a-zA-Z_:][\w:]*)(?![\w:]|\s*\()(\s*\{((?:"[^"]*"|[^}"])*)\})?/g;
const MATCHER = /(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g;
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'inf', 'nan']);

/**
 * The names in an expression. It reads PromQL that is known to parse (promtool sees to that), with one kind of quotes and
 * no aggregation whose labels come last; it is no parser.
 */
export function namesIn(expr: string): Names {
  const labels = [...expr.matchAll(GROUPING)].flatMap(([, list]) => list!.split(',').map((l) => l.trim()));
  const rest = expr.replace(GROUPING, ' ').replace(TIME, ' ');
  const selectors = [...rest.matchAll(SELECTOR)]
    .filter(([, name]) => !WORDS.has(name!.toLowerCase()))
    .map(([, name, , inside = '']) => ({ name: name!, matchers: matchersIn(inside) }));
  return { selectors, labels: labels.filter((label) => label !== '') };
}

function matchersIn(inside: string): Matcher[] {
  return [...inside.matchAll(MATCHER)].map(([, label, value]) => ({
    label: label!,
    values: value!.startsWith('$') ? [] : value!.split('|'),
  }));
}
