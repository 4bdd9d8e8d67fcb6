import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServingError } from '../../../src/config/errors.ts';
import { workersPerModel } from '../../../src/models/open-model.ts';
import type { FoundModel } from '../../../src/models/repository/layout.ts';
import {
  ModelEntry,
  type OpenVersion,
  type VersionPolicy,
} from '../../../src/models/repository/model-entry.ts';
import type { ServedModel } from '../../../src/models/served/served-model.ts';
import type { Choice } from '../../../src/store/choice.ts';

/** Files of a version: their content, or what cannot be loaded. */
type Files = { readonly version: number; readonly content: number | 'bad' };

const found = (files: readonly Files[]): FoundModel => ({
  name: 'm',
  hasTritonConfig: false,
  versions: [...new Map(files.map((file) => [file.version, file])).values()]
    .sort((a, b) => b.version - a.version)
    .map(({ version, content }) => ({
      version: String(version),
      path: String(content),
      fingerprint: String(content),
    })),
});

/** An entry over models that do nothing but come and go, and what was seen of them. */
function observed(chosen: ReadonlyMap<string, Choice> = new Map()) {
  const opened: { version: string; closed: number }[] = [];
  const currents: (string | undefined)[] = [];
  let opening = 0;
  let isEnding = false;
  const inherited: string[] = [];
  const open: OpenVersion = async (_name, { version, path }, { choice }) => {
    expect(++opening).toBe(1);
    await Promise.resolve();
    opening--;
    if (path === 'bad') throw new ServingError('MODEL_INVALID', 'bad');
    const life = { version, closed: 0 };
    opened.push(life);
    inherited.push(`${version} ${choice?.mode ?? '-'}`);
    const served = {
      metadata: { name: 'm', versions: [version], platform: '', inputs: [], outputs: [] },
      version,
      runtime: { isReady: true },
      choice: { latest: chosen.get(version) ?? choice },
      close: async () => {
        life.closed++;
        const answers = [...entry.live.values()].some((live) => live.served === (served as unknown));
        if (answers && !isEnding) life.closed = Number.NaN; // never while it answers
        await Promise.resolve();
      },
    };
    return served as unknown as ServedModel;
  };
  const entry = new ModelEntry('m', open);
  entry.current$.subscribe((served) => currents.push(served?.metadata.versions[0]));
  return {
    entry,
    opened,
    currents,
    inherited,
    end: () => {
      isEnding = true;
      return entry.close();
    },
  };
}

const newest = (entry: ModelEntry) => [...entry.live.keys()].sort((a, b) => Number(a) - Number(b)).at(-1);

describe('whatever comes and goes', () => {
  const files = fc.array(
    fc.record({
      version: fc.integer({ min: 1, max: 4 }),
      content: fc.constantFrom<number | 'bad'>(1, 2, 3, 'bad'),
    }),
    { minLength: 1, maxLength: 4 },
  );
  const command = fc.oneof(
    { weight: 4, arbitrary: files },
    { weight: 1, arbitrary: fc.constant('unload' as const) },
  );
  const policy = fc.constantFrom<VersionPolicy>('latest', 'all');

  it('the newest version that is ready answers, and nothing is closed while it answers, or twice, or never', async () => {
    const commands = fc.array(command, { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(commands, policy, fc.boolean(), async (all, versions, isAwaited) => {
        const { entry, opened, end } = observed();
        for (const what of all) {
          const done = what === 'unload' ? entry.unload() : entry.update(found(what), versions);
          if (isAwaited) await done;
          const { current, live } = entry;
          expect(current?.served.metadata.versions[0]).toBe(newest(entry));
          for (const { metadata } of live.values()) expect(metadata.versions).toHaveLength(live.size);
          if (isAwaited && versions === 'latest') expect(live.size).toBeLessThanOrEqual(1);
        }
        await end();
        expect(opened.filter(({ closed }) => closed !== 1)).toEqual([]);
      }),
    );
  });

  it('a model that answered once answers until it is unloaded, however bad the files that come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(files, { maxLength: 8 }), policy, async (all, versions) => {
        const { entry, currents } = observed();
        await entry.update(found([{ version: 1, content: 1 }]), versions);
        for (const what of all) await entry.update(found(what), versions);
        expect(currents.slice(1)).not.toContain(undefined);
      }),
    );
  });

  it('what is told of the last update is what is true: no problem, and all that is wanted is served', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(files, { minLength: 1, maxLength: 5 }), async (all) => {
        const { entry } = observed();
        let problems = await entry.update(found(all[0]!), 'all');
        for (const what of all.slice(1)) problems = await entry.update(found(what), 'all');
        const wanted = found(all.at(-1)!).versions;
        const bad = wanted.filter(({ path }) => path === 'bad').map(({ version }) => version);
        expect(problems.map(({ version }) => version)).toEqual(bad);
        for (const { version, path } of wanted) {
          const state = entry.states.get(version)!;
          if (path !== 'bad') expect(state).toMatchObject({ kind: 'ready', fingerprint: path, refused: '' });
          else
            expect(state.kind === 'ready' ? state.refused : state.kind).toMatch(
              /still answer: bad|unavailable/,
            );
        }
      }),
    );
  });
});

describe('what a version takes over', () => {
  const off: Choice = { mode: 'off', threshold: null, isRevoked: false, model: 'h', version: '2', at: 1 };
  const [one, two, three] = [1, 2, 3].map((version) => ({ version, content: version })) as [
    Files,
    Files,
    Files,
  ];

  it('is nothing at the start, when all are served: each has its own', async () => {
    const { entry, inherited } = observed(new Map([['2', off]]));
    await entry.update(found([one, two]), 'all');
    expect(inherited).toEqual(['2 -', '1 -']);
  });

  it('is what was chosen for the one in whose place it answers, and only that', async () => {
    const { entry, inherited } = observed(new Map([['2', off]]));
    await entry.update(found([two]), 'all');
    await entry.update(found([one, two]), 'all');
    await entry.update(found([one, two, three]), 'all');
    expect(inherited).toEqual(['2 -', '1 -', '3 off']);
  });

  it('is what was chosen for itself before it was unloaded', async () => {
    const { entry, inherited } = observed(new Map([['2', off]]));
    await entry.update(found([one, two]), 'all');
    await entry.unload();
    await entry.update(found([one, two]), 'all');
    expect(inherited.slice(2)).toEqual(['2 off', '1 -']);
  });

  it('is what was chosen for the model, when the newest alone is served, also back to an older one', async () => {
    const { entry, inherited } = observed(new Map([['2', off]]));
    await entry.update(found([two]), 'latest');
    await entry.update(found([one]), 'latest');
    await entry.unload();
    await entry.update(found([three]), 'latest');
    expect(inherited).toEqual(['2 -', '1 off', '3 off']);
  });

  it('is its own when its files change', async () => {
    const { entry, inherited } = observed(new Map([['1', off]]));
    await entry.update(found([one, two]), 'all');
    await entry.update(found([{ version: 1, content: 3 }, two]), 'all');
    expect(inherited.at(-1)).toBe('1 off');
  });
});

describe('the cores', () => {
  it.each([
    [1, 2, 1],
    [5, 2, 1],
    [1, 16, 15],
    [5, 16, 3],
    [40, 16, 1],
    [0, 1, 1],
  ])('%i models on %i cores: %i workers each', (models, cores, workers) => {
    expect(workersPerModel(models, cores)).toBe(workers);
  });
});
