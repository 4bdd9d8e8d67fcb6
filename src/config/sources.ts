/** Where settings come from: file < environment < flags. */
import { readFileSync } from 'node:fs';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { messageOf, ServingError } from './errors.ts';
import { type Config, type ConfigInput, ConfigSchema, parseConfig } from './schema.ts';

const ENV_PREFIX = 'TAUSTAT_';

type Tree = { readonly [key: string]: unknown };

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
  return parseConfig(deepMerge(deepMerge(fromFile, fromEnvironment(environment)), flags as Tree));
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
    tree = parseYaml(text, { logLevel: 'error' }) ?? {};
  } catch (error) {
    throw new ServingError('CONFIG_INVALID', `config file '${file}': ${yamlProblem(error)}`);
  }
  if (!isTree(tree))
    throw new ServingError('CONFIG_INVALID', `config file '${file}': expected a mapping of settings`);
  return tree;
}

/** `TAUSTAT_SAMPLING_RATIO=0.1` sets sampling.ratio; a variable that names no setting is an error. */
export function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): Tree {
  const names = settingNames();
  let tree: Tree = {};
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(ENV_PREFIX) || text === undefined) continue;
    const path = names.get(variable);
    if (path === undefined) {
      throw new ServingError('CONFIG_INVALID', `environment variable ${variable} names no setting`);
    }
    tree = deepMerge(tree, { [path.section]: { [path.key]: settingValue(variable, text, path.isText) } });
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

/** Text stays text; everything else is read as YAML, so that numbers and lists come out as such. */
function settingValue(variable: string, text: string, isText: boolean): unknown {
  if (isText) return text;
  try {
    return parseYaml(text);
  } catch (error) {
    throw new ServingError('CONFIG_INVALID', `environment variable ${variable}: ${firstLine(error)}`);
  }
}

/** What is wrong and where, without a word of the file: it may hold tokens. */
function yamlProblem(error: unknown): string {
  if (!(error instanceof YAMLParseError)) return 'it cannot be read as YAML';
  const [at] = error.linePos ?? [];
  const where = at === undefined ? '' : ` at line ${at.line}, column ${at.col}`;
  return `${error.code.toLowerCase().replaceAll('_', ' ')}${where}`;
}

/** YAML's errors go on with a picture of the place. */
function firstLine(error: unknown): string {
  return messageOf(error).split('\n', 1)[0]!.replace(/:$/, '');
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deepMerge(base: Tree, over: Tree): Tree {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const below = merged[key];
    merged[key] = isTree(value) ? deepMerge(isTree(below) ? below : {}, value) : value;
  }
  return merged;
}
