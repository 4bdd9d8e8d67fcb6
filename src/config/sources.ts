/** Where settings come from: file < environment < flags. */
import { readFileSync } from 'node:fs';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { messageOf, ServingError } from './errors.ts';
import { type Config, type ConfigInput, ConfigSchema, checkedSettings, parseConfig } from './schema.ts';
import { isMapping } from './sections.ts';

const ENV_PREFIX = 'TAUSTAT_';

/** Settings by section and key. */
type Tree = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

/**
 * Settings from a file, the environment and flags, later ones first.
 *
 * @throws ServingError CONFIG_INVALID naming each setting that is wrong or unknown; FILE_NOT_FOUND.
 */
export function loadConfig(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  flags: ConfigInput,
): Config {
  const fromFile = file === undefined ? {} : readConfigFile(file);
  checkedSettings(flags, 'flags');
  return parseConfig(merged(fromFile, fromEnvironment(environment), flags as Tree));
}

function readConfigFile(file: string): Tree {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ServingError('FILE_NOT_FOUND', `config file '${file}' cannot be read: ${messageOf(error)}`);
  }
  let tree: unknown;
  try {
    tree = parseYaml(text, { logLevel: 'error' });
  } catch (error) {
    throw new ServingError('CONFIG_INVALID', `config file '${file}': ${yamlProblem(error)}`);
  }
  const nonEmpty = withoutEmptySections(tree);
  checkedSettings(nonEmpty, `config file '${file}'`);
  return nonEmpty as Tree;
}

/** Drops sections that are null: YAML's value of a section, or a file, whose lines are all comments. */
function withoutEmptySections(tree: unknown): unknown {
  if (tree === null || tree === undefined) return {};
  if (!isMapping(tree)) return tree;
  const isEmptySection = (name: string, value: unknown) =>
    value === null && Object.hasOwn(ConfigSchema.shape, name);
  return Object.fromEntries(Object.entries(tree).filter(([name, value]) => !isEmptySection(name, value)));
}

/** Settings from variables: `TAUSTAT_SAMPLING_RATIO=0.1` sets sampling.ratio. @throws ServingError CONFIG_INVALID for an unknown name. */
export function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): Tree {
  const names = settingNames();
  let tree: Tree = {};
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(ENV_PREFIX) || text === undefined) continue;
    const path = names.get(variable);
    if (path === undefined) {
      throw new ServingError('CONFIG_INVALID', `environment variable ${variable} names no setting`);
    }
    const own = { [path.section]: { [path.key]: settingValue(variable, text, path.isText) } };
    checkedSettings(own, `environment variable ${variable}`);
    tree = merged(tree, own);
  }
  return tree;
}

interface SettingPath {
  readonly section: string;
  readonly key: string;
  readonly isText: boolean;
}

function settingNames(): Map<string, SettingPath> {
  const names = new Map<string, SettingPath>();
  for (const { section, key, isText } of settings()) {
    const words = `${section}_${key.replace(/[A-Z]/g, (c) => `_${c}`)}`.toUpperCase();
    names.set(ENV_PREFIX + words, { section, key, isText });
  }
  return names;
}

export interface Setting extends SettingPath {
  readonly description: string;
}

/** Every setting with its sentence, in the order of the schema. */
export function settings(): Setting[] {
  return Object.entries(ConfigSchema.shape).flatMap(([section, schema]) =>
    Object.entries(schema.unwrap().shape).map(([key, setting]) => ({
      section,
      key,
      description: (setting as z.ZodType).description ?? '',
      isText: z.safeParse(setting as z.ZodType, 'a1234567').success || key === 'version',
    })),
  );
}

/** The value of a variable: text as it is, everything else parsed as YAML. */
function settingValue(variable: string, text: string, isText: boolean): unknown {
  if (isText) return text;
  try {
    return parseYaml(text);
  } catch (error) {
    throw new ServingError('CONFIG_INVALID', `environment variable ${variable}: ${firstLine(error)}`);
  }
}

/** The kind and place of a YAML error, without any text of the file, which may hold tokens. */
function yamlProblem(error: unknown): string {
  if (!(error instanceof YAMLParseError)) return 'it cannot be read as YAML';
  const [at] = error.linePos ?? [];
  const where = at === undefined ? '' : ` at line ${at.line}, column ${at.col}`;
  return `${error.code.toLowerCase().replaceAll('_', ' ')}${where}`;
}

/** The first line of an error's message; YAML's errors quote the source after it. */
function firstLine(error: unknown): string {
  return messageOf(error).split('\n', 1)[0]!.replace(/:$/, '');
}

/** Merges sources by section and key; later sources override earlier ones, undefined overrides nothing. */
function merged(...sources: readonly Tree[]): Tree {
  const all: Record<string, Record<string, unknown>> = {};
  for (const source of sources)
    for (const [name, section] of Object.entries(source)) {
      all[name] ??= {};
      for (const [key, value] of Object.entries(section ?? {}))
        if (value !== undefined) all[name][key] = value;
    }
  return all;
}
