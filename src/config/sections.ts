/**
 * Settings are a mapping of sections, and a section is a mapping of settings. Anything else has no entries to merge, so
 * that merging would drop it: a list, a text, the sets and ordered maps of YAML 1.1, a key that is an object's prototype.
 */

/** What is wrong with the form of a tree of settings; a section without anything in it (null in YAML) is left out. */
export function sectionProblems(tree: unknown, sections: readonly string[]): string[] {
  if (!isMapping(tree)) return [`found ${kindOf(tree)}, expected a mapping of settings`];
  const problems = keyProblems(tree, '');
  for (const name of sections) {
    const section = tree[name];
    if (section === undefined) continue;
    if (isMapping(section)) problems.push(...keyProblems(section, `${name}: `));
    else problems.push(`${name}: found ${kindOf(section)}, expected a mapping of settings`);
  }
  return problems;
}

/** An assignment to this key would change what an object inherits instead of adding to it. */
function keyProblems(mapping: object, where: string): string[] {
  return Object.hasOwn(mapping, '__proto__') ? [`${where}Unrecognized key: "__proto__"`] : [];
}

/** Whether a value is an object whose own properties are its entries. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]';
}

/** The kind of a value, never the value: it may be a token. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'true or false';
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : 'a number';
  return isMapping(value) ? 'a mapping' : Object.prototype.toString.call(value).slice(8, -1);
}
