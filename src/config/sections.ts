/**
 * Settings are a mapping of sections, and a section is a mapping of settings. Anything else is refused, since merging would
 * silently drop it: a list, a text, YAML 1.1's sets and ordered maps, the key `__proto__`.
 */

/** Problems with the form of a tree of settings. */
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

/** Refuses the key `__proto__`: assigning to it would change the prototype instead of adding a key. */
function keyProblems(mapping: object, where: string): string[] {
  return Object.hasOwn(mapping, '__proto__') ? [`${where}Unrecognized key: "__proto__"`] : [];
}

/** Whether a value is an object whose own properties are its entries. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]';
}

/** The kind of a value in words; never the value itself, which may be a token. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'true or false';
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : 'a number';
  return isMapping(value) ? 'a mapping' : Object.prototype.toString.call(value).slice(8, -1);
}
