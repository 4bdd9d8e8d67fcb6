import { type Config, parseConfig } from '../config/schema.ts';

/** Settings by their names, as far as they are not the defaults: `agreement.floor` → 0.95. */
export type SettingsTold = Readonly<Record<string, unknown>>;

/** What decisions depend on, as `fingerprint` has it: whole sections, and single settings of those that hold secrets or a choice. */
const SECTIONS = ['sites', 'window', 'criticality', 'drift', 'agreement'] as const;
const SINGLE = [
  ['control', 'policy'],
  ['control', 'rampSamples'],
  ['sampling', 'keepInputsBytes'],
] as const satisfies readonly (readonly ['control' | 'sampling', string])[];
/** More are not named one by one. */
const MOST_NAMED = 5;

/** What others need to know of a configuration to name how theirs differs. */
export function settingsTold(config: Config): SettingsTold {
  const defaults = leavesOf(parseConfig({}));
  const own = leavesOf(config);
  return Object.fromEntries(
    Object.entries(own).filter(([name, value]) => textOf(value) !== textOf(defaults[name])),
  );
}

/** How another's settings differ from those here, in words; empty: not that it were told. */
export function settingsDifference(theirs: SettingsTold, own: SettingsTold): string {
  const defaults = leavesOf(parseConfig({}));
  const names = [...new Set([...Object.keys(theirs), ...Object.keys(own)])].sort();
  const differences = names.flatMap((name) => {
    const [there, here] = [theirs, own].map((told) => textOf(name in told ? told[name] : defaults[name]));
    return there === here ? [] : [`${name} ${there}, here ${here}`];
  });
  const more = differences.length - MOST_NAMED;
  return [...differences.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join('; ');
}

function leavesOf(config: Config): Record<string, unknown> {
  const whole = SECTIONS.flatMap((section) =>
    Object.entries(config[section]).map(([name, value]) => [`${section}.${name}`, value] as const),
  );
  const single = SINGLE.map(([section, name]) => {
    const settings: Readonly<Record<string, unknown>> = config[section];
    return [`${section}.${name}`, settings[name]] as const;
  });
  return Object.fromEntries([...whole, ...single]);
}

/** Undefined is nothing, as in a file that does not have it. */
function textOf(value: unknown): string {
  return JSON.stringify(value) ?? 'unset';
}
