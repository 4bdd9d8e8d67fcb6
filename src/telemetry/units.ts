/** The unit of a metric in UCUM, from the base unit that its name ends in; '' for a number of things. */
export function unitOf(name: string): '' | '1' | 's' | 'By' {
  const base = name.replace(/_total$/, '');
  if (/_seconds(_left)?$/.test(base)) return 's';
  if (base.endsWith('_bytes')) return 'By';
  return base.endsWith('_ratio') ? '1' : '';
}
