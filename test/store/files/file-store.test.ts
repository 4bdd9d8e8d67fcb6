import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FileStore } from '../../../src/store/files/file-store.ts';
import { record, storeContract } from '../../contracts/store-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'taustat-store-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fail = (error: unknown) => {
  throw error;
};

storeContract('FileStore', () => new FileStore(join(folder, 'not', 'there', 'yet'), fail));

describe('FileStore', () => {
  it.each(['', '{', '[]', '{"version":2}', '{"version":1,"model":"m"}'])(
    'takes a file that holds %j for nothing, and says so',
    async (text) => {
      const errors: unknown[] = [];
      writeFileSync(join(folder, 'broken.json'), text);
      expect(await new FileStore(folder, (error) => errors.push(error)).load('broken')).toBeNull();
      expect(errors).toHaveLength(1);
    },
  );

  it('reports what cannot be written, and goes on', async () => {
    const errors: unknown[] = [];
    writeFileSync(join(folder, 'file'), '');
    const store = new FileStore(join(folder, 'file'), (error) => errors.push(error));
    store.save('a', record(1));
    await store.flush();
    expect(errors).toHaveLength(1);
  });

  it('leaves nothing beside the records', async () => {
    const place = mkdtempSync(join(folder, 'tidy-'));
    const store = new FileStore(place, fail);
    for (let i = 0; i < 5; i++) store.save(`m${i % 2}`, record(i));
    await store.flush();
    expect(readdirSync(place).sort()).toEqual(['m0.json', 'm1.json']);
  });
});
