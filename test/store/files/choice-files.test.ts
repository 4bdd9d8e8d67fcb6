import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/schema.ts';
import { controlOptionsOf } from '../../../src/control/phases/options.ts';
import { ChoiceFiles } from '../../../src/store/files/choice-files.ts';
import { Keeper } from '../../../src/store/keeper.ts';
import { choice } from '../../contracts/store-contract.ts';

let folder: string;
let files: ChoiceFiles;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-choices-'));
  files = new ChoiceFiles(folder, 'm');
});
afterEach(() => rmSync(folder, { recursive: true }));
const place = (sequence: number) => join(folder, `m.mode-${sequence}.json`);

/** What keeps the newest choice from being known. As root, nothing is forbidden to read. */
const TROUBLES: readonly (readonly [string, RegExp, () => void])[] = [
  ['cannot be read', /EISDIR/, () => mkdirSync(place(2))],
  ['is listed and never there', /gone when they are read/, () => symlinkSync('nowhere', place(2))],
  ['is whole and of another form', /not a choice/, () => writeFileSync(place(2), '{"mode":"paused"}')],
];

describe('the newest file of choices', () => {
  it.each(['', '{', '{"mode":"of', '\0\0\0\0'])(
    'counts for nothing when it was cut off: %j',
    async (text) => {
      await files.save(choice(1));
      writeFileSync(place(2), text);
      expect(await files.load()).toEqual({ sequence: 1, choice: choice(1) });
    },
  );

  it.each(TROUBLES)('leaves nobody to guess when it %s', async (_, message, trouble) => {
    await files.save(choice(1, 'auto'));
    trouble();
    await expect(files.load()).rejects.toThrow(message);
  });
});

describe('a model of which nobody can tell what an operator chose', () => {
  async function open(inherited = null as ReturnType<typeof choice> | null) {
    const lines: string[] = [];
    const failed: string[] = [];
    const config = parseConfig({});
    const subject = { model: 'm', hash: 'hash', config, control: controlOptionsOf(config) };
    const keeper = await Keeper.open(subject, {
      folder,
      log: pino({ level: 'error' }, { write: (line) => void lines.push(line) }),
      inherited,
      onFailure: (what) => void failed.push(what),
    });
    return { keeper, lines, failed };
  }

  it.each(TROUBLES)('starts dense and says so: it %s', async (_, message, trouble) => {
    trouble();
    const { keeper, lines, failed } = await open();
    const { mode, modeBy, change } = keeper.resumePoint.state;
    expect([mode, modeBy, change.reason]).toEqual(['off', 'settings', 'failure']);
    expect(change.detail).toMatch(message);
    expect([keeper.choice, failed, lines.length]).toEqual([null, ['choice'], 1]);
    expect(lines[0]).toMatch(message);
    await keeper.close();
  });

  it('does what it is told from then on, also after a restart', async () => {
    mkdirSync(place(2));
    const { keeper } = await open();
    expect(await keeper.choose(choice(5, 'observe'))).toEqual({ durable: true });
    await keeper.close();
    const again = await open();
    expect([again.keeper.resumePoint.state.mode, again.failed]).toEqual(['observe', []]);
  });

  it('goes on as this process was told, where it only takes the place of another', async () => {
    mkdirSync(place(2));
    const { keeper, failed } = await open(choice(5, 'observe'));
    expect([keeper.resumePoint.state.mode, failed]).toEqual(['observe', ['choice']]);
    await keeper.close();
  });
});
