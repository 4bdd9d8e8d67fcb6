import { createHash } from 'node:crypto';

/** Longest name of a file, in bytes, on the file systems in use. */
const MAX_BYTES = 255;
/** First character of a hashed name; no encoded name contains it (see `encoded` in keys.ts). */
const HASHED = '=';

/** Longest ending of each kind of file in bytes, its temporary file included. */
const LONGEST_ENDING = {
  evidence: '.json.0123456789ab.tmp'.length,
  choice: '.mode-01234567890123456789.json.0123456789ab.tmp'.length,
  audit: '.20260101T000000000Z-0123.jsonl'.length,
} as const;

/**
 * The stem of a file's name: the key, or, where that would be too long, the key with a hash in place of the model's name.
 * A file with a hashed name holds its key.
 *
 * @param key - see keys.ts: ASCII, the model's name first, which ends at the first `@` or with the key.
 */
export function stemOf(key: string, kind: keyof typeof LONGEST_ENDING): string {
  if (key.length + LONGEST_ENDING[kind] <= MAX_BYTES) return key;
  const [name] = key.split('@', 1);
  return `${HASHED}${createHash('sha256').update(name!).digest('hex').slice(0, 32)}${key.slice(name!.length)}`;
}

export function isHashed(stem: string): boolean {
  return stem.startsWith(HASHED);
}

/** The content of a file, with the key where the name is hashed. */
export function withKey<T extends object>(content: T, stem: string, key: string): T | (T & { key: string }) {
  return isHashed(stem) ? { ...content, key } : content;
}

/** The content without the key. @throws Error if the file belongs to another key with the same hash. */
export function withoutKey(content: unknown, stem: string, key: string): unknown {
  if (!isHashed(stem) || typeof content !== 'object' || content === null) return content;
  const { key: found, ...rest } = content as { readonly key?: unknown };
  if (found !== key) throw new Error(`${stem}: kept for another model`);
  return rest;
}
