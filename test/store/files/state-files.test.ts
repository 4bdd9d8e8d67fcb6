import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/schema.ts';
import { controlOptionsOf } from '../../../src/control/phases/options.ts';
import { AuditFile } from '../../../src/store/files/audit-file.ts';
import { stemOf } from '../../../src/store/files/file-names.ts';
import { FileStore } from '../../../src/store/files/file-store.ts';
import { rotatedPath } from '../../../src/store/files/rotated-logs.ts';
import { removeOldFiles, stateFiles } from '../../../src/store/files/state-files.ts';
import { auditKey, choiceKey, evidenceKey } from '../../../src/store/keys.ts';
import { choice, record } from '../../contracts/store-contract.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const DAY = 86_400_000;
const fail = (error: unknown) => {
  throw error;
};

/** Writes what a server of such a model writes. */
async function keep(model: string, versions: 'latest' | 'all' = 'latest', version = '1'): Promise<void> {
  const config = parseConfig({ model: { versions, version } });
  const subject = { model, hash: 'a'.repeat(64), config, control: controlOptionsOf(config) };
  const store = new FileStore(folder, fail);
  store.save(evidenceKey(subject), record(1));
  await store.saveChoice(choiceKey(subject), choice(1));
  await store.flush();
  const log = join(folder, `${stemOf(auditKey(subject), 'audit')}.jsonl`);
  const audit = new AuditFile(log, { report: fail });
  audit.write({
    run: 'r',
    kind: 'start',
    at: 1,
    model,
    hash: subject.hash,
    options: subject.control,
    state: record(1).state,
  });
  await audit.close();
  writeFileSync(rotatedPath(log, new Date()), '');
}

const age = (days: number, match: (name: string) => boolean = () => true) => {
  for (const name of readdirSync(folder).filter(match)) {
    const at = new Date(Date.now() - days * DAY);
    utimesSync(join(folder, name), at, at);
  }
};

describe('the files of a state folder', () => {
  it.each(['resnet', 'a/b@c d.é', 'm.mode-1', '..', '=x', '分類器'.repeat(30), 'm'.repeat(300)])(
    'are told apart by their names: of %j',
    async (model) => {
      await keep(model);
      await keep(model, 'all', '7');
      writeFileSync(join(folder, 'notes.json'), '{}');
      const files = await stateFiles(folder);
      expect(readdirSync(folder)).toHaveLength(9);
      expect(new Set(files.map((file) => file.model))).toEqual(new Set([model]));
      expect(files.map(({ kind, version = '-' }) => `${kind} ${version}`).sort()).toEqual([
        'audit 1',
        'audit 1',
        'audit 7',
        'audit 7',
        'choice -',
        'choice 7',
        'evidence 1',
        'evidence 7',
      ]);
    },
  );

  it('are none where there is no folder', async () => {
    expect(await stateFiles(join(folder, 'not', 'there'))).toEqual([]);
  });
});

describe('what is old', () => {
  it('goes, except what an operator chose and what is nobody’s', async () => {
    await keep('gone');
    writeFileSync(join(folder, 'notes.json'), '{}');
    age(91);
    await keep('here');
    await removeOldFiles(folder, 90, Date.now());
    const files = await stateFiles(folder);
    expect(files.map(({ model, kind }) => `${model} ${kind}`).sort()).toEqual([
      'gone choice',
      'here audit',
      'here audit',
      'here choice',
      'here evidence',
    ]);
    expect(readdirSync(folder)).toContain('notes.json');
  });

  it('stays for ever where that is wanted; what a kill left unfinished goes', async () => {
    await keep('m');
    const evidence = readdirSync(folder).find((name) => /@1\.\w{8}-\w{8}\.json$/.test(name))!;
    writeFileSync(join(folder, `${evidence}.0123456789ab.tmp`), '{');
    age(1000);
    await removeOldFiles(folder, 0, Date.now());
    expect((await stateFiles(folder)).map(({ kind }) => kind).sort()).toEqual([
      'audit',
      'audit',
      'choice',
      'evidence',
    ]);
  });
});
