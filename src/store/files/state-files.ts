import type { Stats } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isHashed } from './file-names.ts';

/** A file of a state folder, as its name describes it. Files with other names are ignored. */
export interface StateFile {
  readonly path: string;
  readonly kind: 'choice' | 'evidence' | 'audit' | 'unfinished';
  /** Name of the model. */
  readonly model: string;
  /** Absent for a choice that holds for every version. */
  readonly version?: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

const EVIDENCE = String.raw`@(?<version>\d+)\.[0-9a-f]{8}-[0-9a-f]{8}\.json`;
const PATTERNS: readonly (readonly [StateFile['kind'], RegExp])[] = [
  ['choice', /^(?<model>[^@]+)(@(?<version>\d+))?\.mode-\d+\.json$/],
  ['evidence', new RegExp(`^(?<model>[^@]+)${EVIDENCE}$`)],
  ['unfinished', new RegExp(String.raw`^(?<model>[^@]+)${EVIDENCE}\.[0-9a-f]{12}\.tmp$`)],
  ['unfinished', /^(?<model>[^@]+)(@(?<version>\d+))?\.mode-\d+\.json\.[0-9a-f]{12}\.tmp$/],
  ['audit', /^(?<model>[^@]+)@(?<version>\d+)\.[\w-]+\.audit(\.\d{8}T\d{9}Z-[0-9a-f]{4})?\.jsonl$/],
];

/** Age at which a temporary file is removed: its writer was killed. */
const UNFINISHED_MS = 3_600_000;

/** The state files in a folder; empty without a folder. */
export async function stateFiles(folder: string): Promise<StateFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found: StateFile[] = [];
  // Not at once: see `runInSeries`.
  for (const name of names) {
    const file = readName(name);
    if (file === undefined) continue;
    const path = join(folder, name);
    const is = await statOf(path);
    if (is?.isFile()) found.push({ ...file, path, sizeBytes: is.size, modifiedMs: is.mtimeMs });
  }
  return withNames(found);
}

/** Undefined if there is no file. @throws any other error. */
function statOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

/** Replaces hashed names by the models' own, which are inside their files. */
async function withNames(files: readonly StateFile[]): Promise<StateFile[]> {
  const names = new Map<string, string>();
  for (const { model, path } of files) {
    if (!isHashed(model) || names.has(model)) continue;
    const name = await nameInside(path);
    if (name !== undefined) names.set(model, name);
  }
  return files.map((file) => ({ ...file, model: names.get(file.model) ?? file.model }));
}

/** The model's name, from the key in a choice or in evidence, or from a log's start line. */
async function nameInside(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    const { key, model } = JSON.parse(text.split('\n', 1)[0]!) as { key?: string; model?: string };
    if (key !== undefined) return decoded(key.split('@', 1)[0]!);
    return path.endsWith('.jsonl') ? model : undefined;
  } catch {
    return undefined;
  }
}

function readName(name: string): Pick<StateFile, 'kind' | 'model' | 'version'> | undefined {
  for (const [kind, pattern] of PATTERNS) {
    const { model, version } = pattern.exec(name)?.groups ?? {};
    if (model !== undefined)
      return { kind, model: decoded(model), ...(version === undefined ? {} : { version }) };
  }
  return undefined;
}

function decoded(model: string): string {
  try {
    return decodeURIComponent(model);
  } catch {
    return model;
  }
}

/**
 * Removes old evidence, old audit logs and unfinished files. An operator's choice never expires.
 *
 * @param keepDays - days without a write before a file is removed; 0: never.
 */
export async function removeOldFiles(folder: string, keepDays: number, now: number): Promise<void> {
  const keepMs = keepDays === 0 ? Number.POSITIVE_INFINITY : keepDays * 86_400_000;
  const limits = {
    choice: Number.POSITIVE_INFINITY,
    evidence: keepMs,
    audit: keepMs,
    unfinished: UNFINISHED_MS,
  };
  const files = await stateFiles(folder);
  const old = files.filter(({ kind, modifiedMs }) => now - modifiedMs > limits[kind]);
  for (const { path } of old) await rm(path, { force: true });
}
