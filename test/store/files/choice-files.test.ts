import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/schema.ts';
import { controlOptionsOf } from '../../../src/control/phases/options.ts';
import { ChoiceFiles } from '../../../src/store/files/choice-files.ts';
import { stateFiles } from '../../../src/store/files/state-files.ts';
import { choiceKeyOf } from '../../../src/store/keys.ts';
import { ModelPersistence } from '../../../src/store/model-persistence.ts';
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
  ['is a link to nowhere', /it is a link/, () => symlinkSync('nowhere', place(2))],
  [
    'is a link to a choice',
    /it is a link/,
    () => {
      writeFileSync(join(folder, 'elsewhere'), JSON.stringify(choice(9)));
      symlinkSync('elsewhere', place(2));
    },
  ],
  ['is whole and of another form', /not a choice/, () => writeFileSync(place(2), '{"mode":"paused"}')],
  ...['', '{', '{"mode":"of', '\0\0\0\0'].map(
    (text) =>
      [
        `was cut or zeroed: ${JSON.stringify(text)}`,
        /it is damaged/,
        () => writeFileSync(place(2), text),
      ] as const,
  ),
  ...['-5', '1e400', '-1e400', '"1"', 'null'].map(
    (threshold) =>
      [
        `fixes the threshold at ${threshold}`,
        /not a choice/,
        () => writeFileSync(place(2), JSON.stringify(choice(2, 'fixed')).replace(':1,', `:${threshold},`)),
      ] as const,
  ),
  ...['1e300', '-1', '1.5', '9e15'].map(
    (at) =>
      [
        `was made at ${at}`,
        /not a choice/,
        () => writeFileSync(place(2), JSON.stringify(choice(2)).replace('"at":2', `"at":${at}`)),
      ] as const,
  ),
];

describe('the newest file of choices', () => {
  it.each(TROUBLES)('leaves nobody to guess when it %s', async (_, message, trouble) => {
    await files.save(choice(1, 'auto'));
    trouble();
    await expect(files.load()).rejects.toThrow(message);
  });
});

describe('the number of a choice', () => {
  it.each(['9007199254740990', '9007199254740991', '9007199254740993', '18446744073709551615'])(
    'is followed by the next one after %s',
    async (number) => {
      await files.save(choice(1));
      writeFileSync(join(folder, `m.mode-${number}.json`), JSON.stringify(choice(2, 'observe')));
      expect(await files.load()).toEqual({ sequence: BigInt(number), choice: choice(2, 'observe') });
      const next = BigInt(number) + 1n;
      expect(await Promise.all([files.save(choice(3)), files.save(choice(4))])).toContain(next);
      const kept = await files.load();
      expect(kept?.sequence).toBe(next + 1n);
      expect([choice(3), choice(4)]).toContainEqual(kept?.choice);
    },
  );

  it('is decimal: what has another name is no choice', async () => {
    await files.save(choice(1));
    for (const name of ['', '1e3', '0x10', '02', '-3', ' 4'])
      writeFileSync(join(folder, `m.mode-${name}.json`), JSON.stringify(choice(9)));
    expect(await files.load()).toEqual({ sequence: 1n, choice: choice(1) });
  });
});

describe('a file of a choice', () => {
  it('is made whole: nothing is left beside it', async () => {
    for (let at = 1; at < 4; at++) await files.save(choice(at));
    expect(readdirSync(folder)).toEqual(['m.mode-3.json']);
  });
});

describe('a name that is too long for a file', () => {
  const names = ['模型'.repeat(20), 'a'.repeat(240), 'x'.repeat(2000)];

  it.each(names)('is hashed, and kept inside: %s', async (name) => {
    const key = choiceKeyOf(name, undefined);
    const made = new ChoiceFiles(folder, key);
    await made.save(choice(1));
    await made.save(choice(2));
    expect(await new ChoiceFiles(folder, key).load()).toEqual({ sequence: 2n, choice: choice(2) });
    expect((await stateFiles(folder)).map(({ kind, model }) => [kind, model])).toEqual([['choice', name]]);
  });

  it('does not hide what was chosen before names were hashed', async () => {
    const key = choiceKeyOf('a'.repeat(240), undefined);
    writeFileSync(join(folder, `${key}.mode-7.json`), JSON.stringify(choice(7)));
    const made = new ChoiceFiles(folder, key);
    expect(await made.load()).toEqual({ sequence: 7n, choice: choice(7) });
    expect(await made.save(choice(8))).toBe(8n);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(await made.load()).toEqual({ sequence: 8n, choice: choice(8) });
  });
});

describe('a model of which nobody can tell what an operator chose', () => {
  async function open(inherited = null as ReturnType<typeof choice> | null) {
    const lines: string[] = [];
    const failed: string[] = [];
    const config = parseConfig({});
    const subject = { model: 'm', hash: 'hash', config, control: controlOptionsOf(config) };
    const persistence = await ModelPersistence.open(subject, {
      folder,
      log: pino({ level: 'error' }, { write: (line) => void lines.push(line) }),
      inherited,
      onFailure: (what) => void failed.push(what),
    });
    return { persistence, lines, failed };
  }

  it.each(TROUBLES)('starts dense and says so: it %s', async (_, message, trouble) => {
    trouble();
    const { persistence, lines, failed } = await open();
    const { mode, modeBy, change } = persistence.resumePoint.state;
    expect([mode, modeBy, change.reason]).toEqual(['off', 'settings', 'failure']);
    expect(change.detail).toMatch(message);
    expect([persistence.choice, failed, lines.length]).toEqual([null, ['choice'], 1]);
    expect(lines[0]).toMatch(message);
    await persistence.close();
  });

  it('does what it is told from then on, also after a restart', async () => {
    mkdirSync(place(2));
    const { persistence } = await open();
    expect(await persistence.choose(choice(5, 'observe'))).toEqual({ durable: true });
    await persistence.close();
    const again = await open();
    expect([again.persistence.resumePoint.state.mode, again.failed]).toEqual(['observe', []]);
  });

  it('goes on as this process was told, where it only takes the place of another', async () => {
    mkdirSync(place(2));
    const { persistence, failed } = await open(choice(5, 'observe'));
    expect([persistence.resumePoint.state.mode, failed]).toEqual(['observe', ['choice']]);
    await persistence.close();
  });
});
