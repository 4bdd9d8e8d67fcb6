import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { step } from '../../src/control/phases/controller.ts';
import type { ControlEvent } from '../../src/control/phases/event.ts';
import { comparedThresholds } from '../../src/control/phases/production.ts';
import { type ControllerState, initialState } from '../../src/control/phases/state.ts';
import { type AuditLine, AuditRecorder } from '../../src/store/audit.ts';
import { AuditFile } from '../../src/store/files/audit-file.ts';
import { rotatedLogs, rotatedPath } from '../../src/store/files/rotated-logs.ts';
import { AuditError, type ReplayedDecision, replay } from '../../src/store/replay.ts';
import { OPTIONS, pair, snapshot } from '../control/events.ts';
import { until } from '../transport/http/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'taustat-audit-'));
afterAll(() => rmSync(folder, { recursive: true }));

const SUBJECT = { model: 'm', hash: 'h', options: OPTIONS };

type Part = readonly [loss: number | ControlEvent, count: number];

/** A controller that lives through a story; comparisons are at whatever threshold is judged then. */
function live(story: readonly Part[], hear: (event: ControlEvent, after: ControllerState) => void) {
  let state = initialState('auto', undefined, OPTIONS);
  let at = 1000;
  for (const [what, count] of story) {
    for (let i = 0; i < count; i++, at++) {
      const events =
        typeof what === 'number'
          ? comparedThresholds(state).map((threshold) => ({ ...pair(threshold, what), at }))
          : [{ ...what, at }];
      for (const event of events) {
        state = step(state, event, OPTIONS);
        hear(event, state);
      }
    }
  }
  return state;
}

/** Where lines go, to be looked at. */
function collector() {
  const lines: AuditLine[] = [];
  const sink = {
    needsStart: true,
    write: (line: AuditLine) => {
      lines.push(line);
      sink.needsStart = false;
    },
  };
  return { lines, sink };
}

function logOf(story: readonly Part[]): AuditLine[] {
  const { lines, sink } = collector();
  const recorder = new AuditRecorder(SUBJECT, initialState('auto', undefined, OPTIONS), sink);
  live(story, (event, state) => recorder.record(event, state));
  recorder.flush();
  return lines;
}

async function replayed(lines: readonly (AuditLine | string)[]): Promise<ReplayedDecision[]> {
  const found: ReplayedDecision[] = [];
  const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  for await (const decision of replay(texts)) found.push(decision);
  return found;
}

const STORY: Part[] = [
  [snapshot([0.3]), 1],
  [0, 400],
  [snapshot([0.3], { isDrift: false }), 3],
  [0.013, 300],
  [1, 30],
  [snapshot([0.3]), 40],
  [0, 300],
  [{ kind: 'mode', at: 0, mode: 'off' }, 1],
];

/** Comparisons of which some count in blocks. */
const BLOCK_STORY = (): AuditLine[] => {
  const { lines, sink } = collector();
  let state = initialState('auto', undefined, OPTIONS);
  const recorder = new AuditRecorder(SUBJECT, state, sink);
  const hear = (event: ControlEvent) => {
    state = step(state, event, OPTIONS);
    recorder.record(event, state);
  };
  hear(snapshot([0.3]));
  for (let i = 0; i < 2400; i++) {
    const unit = { stream: i % 2, block: Math.floor(i / 12), left: 3 - (Math.floor(i / 2) % 6) };
    const loss = i < 2200 ? 0 : 1;
    for (const threshold of comparedThresholds(state)) {
      const compared = { kind: 'comparison', at: i, threshold, loss, isDue: true } as const;
      hear(i % 100 < 50 ? { ...compared, unit } : compared);
    }
  }
  recorder.flush();
  return lines;
};

/** A search on kept requests, with comparisons of production between its results. */
const KEPT_STORY = (): AuditLine[] => {
  const options = { ...OPTIONS, keepsInputs: true };
  const { lines, sink } = collector();
  let state = initialState('auto', undefined, options);
  const recorder = new AuditRecorder({ ...SUBJECT, options }, state, sink);
  const hear = (event: ControlEvent) => {
    state = step(state, event, options);
    recorder.record(event, state);
  };
  hear(snapshot([0.5]));
  const losses = [4, 8, 11, 12, 15].map((rung) => [rung, rung < 12 ? 0 : 0.2] as const);
  hear({ kind: 'pilot', at: 2, losses, next: 160, every: 1 });
  for (let input = 160; input < 900; input++) {
    for (const rung of [5, 11])
      hear({ kind: 'tested', at: input, rung, input, loss: input % 90 === 0 ? 0.5 : 0 });
    if (input % 3 === 0) for (const threshold of comparedThresholds(state)) hear(pair(threshold, 0));
  }
  recorder.flush();
  return lines;
};

describe('an audit log', () => {
  it('leads to the same decisions again where candidates were judged on kept requests, many results a line', async () => {
    const lines = KEPT_STORY();
    const decisions = await replayed(lines);
    expect(decisions.length).toBeGreaterThan(4);
    expect(decisions.every(({ isSame }) => isSame)).toBe(true);
    const results = lines.flatMap((line) => (line.kind === 'tests' ? [line.results.length / 3] : []));
    expect(Math.max(...results)).toBeGreaterThan(3);
    const forged = lines.map((line) =>
      line.kind === 'tests' ? { ...line, results: line.results.map((x, i) => (i === 2 ? 1 : x)) } : line,
    );
    expect((await replayed(forged)).some(({ isSame }) => !isSame)).toBe(true);
  });

  it('leads to the same decisions again where comparisons count in blocks', async () => {
    const lines = BLOCK_STORY();
    const decisions = await replayed(lines);
    expect(decisions.length).toBeGreaterThan(3);
    expect(decisions.every(({ isSame }) => isSame)).toBe(true);
    const forged = lines.map((line) => (line.kind === 'comparisons' ? { ...line, units: [] } : line));
    expect((await replayed(forged)).some(({ isSame }) => !isSame)).toBe(true);
  });

  it('leads to the same decisions again, to the last bit', async () => {
    const decisions = await replayed(logOf(STORY));
    expect(decisions.length).toBeGreaterThan(10);
    expect(decisions.every(({ isSame }) => isSame)).toBe(true);
  });

  it('does so for any story', async () => {
    const events = fc.constantFrom<ControlEvent>(
      snapshot([1]),
      snapshot([]),
      snapshot([1], { isDrift: true }),
      snapshot([1], { isDrift: false }),
      { kind: 'mode', at: 0, mode: 'observe' },
      { kind: 'mode', at: 0, mode: 'auto' },
      { kind: 'failure', at: 0, message: 'broken' },
      { kind: 'uncompared', at: 0, requests: 1e6, ms: 61_000 },
    );
    const losses = fc.oneof(fc.constantFrom(0, 0, 0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
    const stories = fc.array(fc.tuple(fc.oneof(losses, events), fc.integer({ min: 1, max: 200 })), {
      maxLength: 10,
    });
    await fc.assert(
      fc.asyncProperty(stories, async (story) => {
        const lines = logOf(story as Part[]);
        if (lines.length === 0) return;
        for (const { isSame } of await replayed(lines)) expect(isSame).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('shows evidence that was changed afterwards', async () => {
    const lines = logOf(STORY);
    const forged = lines.map((line) =>
      line.kind === 'comparisons'
        ? { ...line, comparisons: line.comparisons.map((x, i) => (i === 1 ? x + 0.3 : x)) }
        : line,
    );
    expect((await replayed(forged)).some(({ isSame }) => !isSame)).toBe(true);
  });

  it('keeps the runs of two servers apart', async () => {
    const [a, b] = [logOf(STORY), logOf(STORY.slice(0, 2))];
    const mixed = a.flatMap((line, i) => (b[i] === undefined ? [line] : [b[i], line]));
    expect((await replayed(mixed)).every(({ isSame }) => isSame)).toBe(true);
  });

  it('may end in the middle of a line, and nowhere else', async () => {
    const lines = logOf(STORY);
    const cut = JSON.stringify(lines.at(-1)).slice(0, 20);
    expect(await replayed([...lines.slice(0, -1), cut])).toHaveLength((await replayed(lines)).length - 1);
    await expect(replayed([...lines.slice(0, 3), cut, ...lines.slice(3)])).rejects.toThrow(
      new AuditError(4, 'is not JSON'),
    );
    await expect(replayed(lines.slice(1))).rejects.toThrow('line 1: comes before the start of its run');
  });

  it.each([
    ['nothing', [], 1, 'ends without the start of a run'],
    ['empty lines', ['', ''], 2, 'ends without the start of a run'],
    ['one line of text', ['hello'], 1, 'is not JSON'],
    ['text', ['hello', 'world'], 1, 'is not JSON'],
    ['null', ['null'], 1, 'is no line of an audit log: it has no kind'],
    ['another log', ['{"level":30,"msg":"serving"}'], 1, 'is no line of an audit log: it has no kind'],
    ['a start of nothing', ['{"run":"a","kind":"start"}'], 1, 'is a start without options or state'],
    [
      'a start of something else',
      [
        '{"run":"a","kind":"start","options":{},"state":{}}',
        '{"run":"a","kind":"event","event":{"kind":"mode","mode":"auto"}}',
      ],
      2,
      /^line 2: does not fit the controller: /,
    ],
    [
      'comparisons of nothing',
      ['{"run":"a","kind":"start","options":{},"state":{}}', '{"run":"a","kind":"comparisons"}'],
      2,
      'is a line of comparisons without thresholds, due or comparisons',
    ],
  ])('refuses %s, which is no log', async (_what, lines, line, message) => {
    await expect(replayed(lines)).rejects.toThrow(
      expect.objectContaining({
        line,
        message: typeof message === 'string' ? `line ${line}: ${message}` : expect.stringMatching(message),
      }),
    );
  });

  it('holds a few bytes per comparison', () => {
    const lines = logOf([
      [snapshot([0.3]), 1],
      [0, 10_000],
    ]);
    const bytes = lines.reduce((sum, line) => sum + JSON.stringify(line).length, 0);
    expect(bytes / 10_000).toBeLessThan(20);
  });
});

const other = join(folder, 'other.txt');

describe('AuditFile', () => {
  const fail = (error: unknown) => {
    throw error;
  };

  /** Lives through a story with the file as the sink. */
  async function written(path: string, story: readonly Part[], maxBytes?: number, maxRotated?: number) {
    const limits =
      maxBytes === undefined ? {} : { maxBytes, ...(maxRotated === undefined ? {} : { maxRotated }) };
    const file = new AuditFile(path, { report: fail, ...limits });
    const recorder = new AuditRecorder(SUBJECT, initialState('auto', undefined, OPTIONS), file);
    live(story, (event, state) => recorder.record(event, state));
    recorder.flush();
    await file.close();
  }

  const linesOf = (path: string) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');

  it('goes on with the file that is there', async () => {
    const path = join(folder, 'twice.jsonl');
    await written(path, STORY);
    const once = linesOf(path).length;
    await written(path, STORY);
    expect(linesOf(path)).toHaveLength(2 * once);
    expect((await replayed(linesOf(path))).every(({ isSame }) => isSame)).toBe(true);
  });

  it('can be read past the line in which a server was killed', async () => {
    const path = join(folder, 'torn.jsonl');
    await written(path, STORY);
    truncateSync(path, readFileSync(path).length - 40);
    await written(path, STORY);
    const decisions = await replayed(linesOf(path));
    expect(decisions.length).toBeGreaterThan(20);
    expect(decisions.every(({ isSame }) => isSame)).toBe(true);
  });

  it('is set aside when it is long enough; each part can be read on its own, and all in a row', async () => {
    const path = join(folder, 'long.jsonl');
    await written(path, STORY, 5000, 100);
    const files = [...(await rotatedLogs(path)), path];
    expect(files.length).toBeGreaterThan(2);
    const whole: string[] = [];
    for (const part of files) {
      const decisions = await replayed(linesOf(part));
      expect(decisions.every(({ isSame }) => isSame)).toBe(true);
      whole.push(...linesOf(part));
    }
    expect((await replayed(whole)).length).toBe((await replayed(logOf(STORY))).length);
  });

  it('keeps so many parts, the newest', async () => {
    const path = join(folder, 'bounded.jsonl');
    for (let i = 0; i < 4; i++) await written(path, STORY, 5000, 2);
    const parts = await rotatedLogs(path);
    expect(parts).toHaveLength(2);
    for (const part of [...parts, path]) expect(statSync(part).size).toBeLessThan(20_000);
  });

  it('goes on in the new file when another server has set the old one aside', async () => {
    const path = join(folder, 'moved.jsonl');
    const file = new AuditFile(path, { report: fail, checkMs: 0 });
    const recorder = new AuditRecorder(SUBJECT, initialState('auto', undefined, OPTIONS), file);
    const steps: [ControlEvent, ControllerState][] = [];
    live(STORY, (event, state) => steps.push([event, state]));
    const half = steps.length >> 1;
    for (const [event, state] of steps.slice(0, half)) recorder.record(event, state);
    recorder.flush();
    await until(() => existsSync(path) && statSync(path).size > 0);
    renameSync(path, rotatedPath(path, new Date()));
    for (const [i, [event, state]] of steps.slice(half).entries()) {
      recorder.record(event, state);
      if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    recorder.flush();
    await file.close();
    expect((await replayed(linesOf(path))).length).toBeGreaterThan(0);
  });

  it.each([
    ['a link to another file', (path: string) => symlinkSync(other, path), /a link is in its place/],
    [
      'a link to nothing',
      (path: string) => symlinkSync(join(folder, 'never'), path),
      /a link is in its place/,
    ],
    ['a device behind a link', (path: string) => symlinkSync('/dev/full', path), /a link is in its place/],
    ['a folder', (path: string) => mkdirSync(path), /EISDIR/],
    ['a pipe that nobody reads', (path: string) => execFileSync('mkfifo', [path]), /ENXIO/],
  ])(
    'where %s is in its place, tells it, takes lines all the same, and goes on once it can',
    async (what, put, message) => {
      const errors: Error[] = [];
      const path = join(folder, `${what}.jsonl`);
      writeFileSync(other, 'precious');
      put(path);
      const report = (error: unknown) => void errors.push(error as Error);
      const file = new AuditFile(path, { report, retryMs: 50 });
      for (const line of logOf(STORY)) file.write(line);
      expect(file.needsStart).toBe(false);
      await until(() => errors.length > 0);
      expect(errors.map((error) => error.message)).toEqual([expect.stringMatching(message)]);
      rmSync(path, { recursive: true });
      await until(() => file.needsStart);
      for (const line of logOf(STORY)) file.write(line);
      await file.close();
      expect(errors).toHaveLength(1);
      expect((await replayed(linesOf(path))).every(({ isSame }) => isSame)).toBe(true);
      expect(readFileSync(other, 'utf8')).toBe('precious');
      expect(existsSync(join(folder, 'never'))).toBe(false);
    },
  );

  it('leaves nothing behind where nothing was decided', async () => {
    const path = join(folder, 'nothing', 'idle.jsonl');
    await new AuditFile(path, { report: fail }).close();
    expect(existsSync(join(folder, 'nothing'))).toBe(false);
  });
});
