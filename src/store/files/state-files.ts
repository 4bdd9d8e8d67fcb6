import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

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
  const found = await Promise.all(
    names.map(async (name) => {
      const file = readName(name);
      const path = join(folder, name);
      const is = file && (await stat(path).catch(() => undefined));
      return file && is?.isFile() ? [{ ...file, path, sizeBytes: is.size, modifiedMs: is.mtimeMs }] : [];
    }),
  );
  return found.flat();
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
  await Promise.all(old.map(({ path }) => rm(path, { force: true })));
}
