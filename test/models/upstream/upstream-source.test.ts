import { expect, it } from 'vitest';
import { UpstreamSource } from '../../../src/models/upstream/upstream-source.ts';
import type { UpstreamModel } from '../../../src/runtime/upstream/upstream-model.ts';

it('a model that could not be read is unreadable until it is read again, also between attempts', async () => {
  let isAway = false;
  let asked = 0;
  const source = new UpstreamSource([{ name: 'm', instrumented: undefined }], async () => {
    asked++;
    if (isAway) throw new Error('nobody there');
    return { metadata: { versions: ['3'] }, hash: 'of its description' } as unknown as UpstreamModel;
  });
  expect((await source.scan()).unreadable).toEqual(new Map());
  isAway = true;
  expect((await source.scan()).unreadable).toEqual(new Map([['m', 'nobody there']]));
  // At once: the server is not asked yet.
  const { unreadable, models } = await source.scan();
  expect(asked).toBe(2);
  expect(unreadable).toEqual(new Map([['m', 'nobody there']]));
  expect(models).toMatchObject([{ versions: [{ version: '3' }] }]);
});
