import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';

const FOLDER = '/usr/share/libonnx-testdata/data';
const CHILD = join(import.meta.dirname, 'child.mjs');
const MISSING = !existsSync(FOLDER);

interface Outcome {
  readonly name: string;
  readonly skipped?: string;
  readonly failed?: string;
  readonly sites?: number;
  readonly isChanged?: boolean;
  readonly nonFinite?: readonly { readonly threshold: number; readonly isCaught: boolean }[];
}

/** Outcomes of the models up to one that ends its process, whose name comes with them. */
async function examine(folders: readonly string[]): Promise<{ outcomes: Outcome[]; crashed: string | null }> {
  const child = spawn(process.execPath, [CHILD, ...folders], { stdio: ['ignore', 'pipe', 'ignore'] });
  const outcomes: Outcome[] = [];
  let begun: string | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    const { kind, ...outcome } = JSON.parse(line);
    begun = kind === 'begins' ? outcome.name : null;
    if (kind === 'ends') outcomes.push(outcome);
  }
  return { outcomes, crashed: begun };
}

if (MISSING) console.warn(`ONNX node tests are skipped: ${FOLDER} is missing (package libonnx-testdata)`);

it.skipIf(MISSING)(
  'the ONNX node tests, gated: no crash, no changed answer at 0, no infinite answer that is not caught',
  { timeout: 1_800_000 },
  async () => {
    const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
    let left = files
      .filter((file) => file.endsWith('.onnx'))
      .map((file) => join(FOLDER, dirname(file)))
      .toSorted();
    expect(left.length).toBeGreaterThan(1000);
    const all: Outcome[] = [];
    const crashes: string[] = [];
    while (left.length > 0) {
      const { outcomes, crashed } = await examine(left);
      all.push(...outcomes);
      if (crashed !== null) crashes.push(crashed);
      left = left.slice(outcomes.length + (crashed === null ? 0 : 1));
      if (crashed === null && outcomes.length === 0) throw new Error('the child process does nothing');
    }
    const gated = all.filter(({ sites = 0 }) => sites > 0);
    console.info(
      `${all.length} models, ${gated.length} gated, ${all.filter(({ skipped }) => skipped).length} not run plain`,
    );
    expect(crashes).toEqual([]);
    expect(gated.length).toBeGreaterThan(500);
    expect(all.filter(({ failed }) => failed !== undefined)).toEqual([]);
    expect(gated.filter(({ isChanged }) => isChanged)).toEqual([]);
    expect(gated.filter(({ nonFinite = [] }) => nonFinite.some(({ isCaught }) => !isCaught))).toEqual([]);
  },
);
