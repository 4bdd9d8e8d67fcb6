import type { Stats } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isHashed } from './file-names.ts';

/** A file of a state folder, by what its name says. Whatever has another name is somebody else's. */
export interface StateFile {
  readonly path: string;
  readonly kind: 'choice' | 'evidence' | 'audit' | 'unfinished';
  /** Name of the model. */
  readonly model: string;
  /** Absent for a choice that is for the model, whatever version of it is served. */
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

/** A file that a kill left half written is of no use after so long. */
const UNFINISHED_MS = 3_600_000;

/** The files that servers keep in a folder; none where there is no folder. */
export async function stateFiles(folder: string): Promise<StateFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found: StateFile[] = [];
  // One after the other: see `inTurn`.
  for (const name of names) {
    const file = readName(name);
    if (file === undefined) continue;
    const path = join(folder, name);
    const is = await statOf(path);
    if (is?.isFile()) found.push({ ...file, path, sizeBytes: is.size, modifiedMs: is.mtimeMs });
  }
  return withNames(found);
}

/** Undefined where nothing is (any more). @throws where that cannot be told. */
function statOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

/** Where the name of a model was too long for the name of a file, any file of the model tells it. */
async function withNames(files: readonly StateFile[]): Promise<StateFile[]> {
  const names = new Map<string, string>();
  for (const { model, path } of files) {
    if (!isHashed(model) || names.has(model)) continue;
    const name = await nameInside(path);
    if (name !== undefined) names.set(model, name);
  }
  return files.map((file) => ({ ...file, model: names.get(file.model) ?? file.model }));
}

/** The name of the model, from the key of a choice or of evidence, or from the start of a log. */
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
 * Removes what has not been written for so long, and what a kill has left unfinished. What operators chose is never removed
 * for its age: a switch that was thrown stays thrown.
 *
 * @param keepDays - 0: for ever.
 */
export async function sweep(folder: string, keepDays: number, now: number): Promise<void> {
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
