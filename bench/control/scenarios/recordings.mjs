/** The recordings that scenarios are made of. @param {readonly import('./table.mjs').Scenario[]} scenarios @returns {Map<string, Set<string>>} variants by row */
export function recordingsOf(scenarios) {
  /** @type {Map<string, Set<string>>} */
  const needed = new Map();
  for (const { row, phases } of scenarios) {
    for (const part of phases.flatMap(({ traffic, towards = [] }) => [...traffic, ...towards])) {
      const name = part.row ?? row;
      const variants = needed.get(name) ?? new Set(['base']);
      needed.set(name, variants.add(part.variant ?? 'base'));
    }
  }
  return needed;
}
