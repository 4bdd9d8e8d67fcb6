import { rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../transport/http/until.ts';
import { answerOf, RepositoryLab, times } from './repository-lab.ts';

let lab: RepositoryLab;
afterEach(() => lab.close());

const POLL_SECONDS = 0.05;
/** Long enough for a change to be seen twice and to be loaded. */
const POLLS_MS = 600;

const answers = (name: string) => lab.infer(name).then(answerOf);

describe('polling', () => {
  it('loads what comes and what changes, and unloads what goes', async () => {
    lab = await RepositoryLab.open({ 'm/1': times(1) }, { model: { pollSeconds: POLL_SECONDS } });
    await lab.put('new/1', times(5));
    await until(async () => (await answers('new')) === 'version 1: 5');
    await lab.put('m/2', times(2));
    await until(async () => (await answers('m')) === 'version 2: 2');
    await lab.put('m/2', times(3));
    await until(async () => (await answers('m')) === 'version 2: 3');
    await lab.remove('m/2');
    await until(async () => (await answers('m')) === 'version 1: 1');
    await lab.remove('new');
    await until(async () => !(await lab.index()).some((entry) => entry.startsWith('new')));
    expect(await answers('new')).toMatch(/^404 /);
    expect(lab.log.filter(({ model, msg }) => model === 'm' && msg === 'model loaded').length).toBe(4);
  });

  it('tries files that cannot be loaded once, until they change', async () => {
    lab = await RepositoryLab.open({ 'm/1': times(1) }, { model: { pollSeconds: POLL_SECONDS } });
    const failures = () => lab.log.filter(({ msg }) => msg === 'the model was not loaded').length;
    await lab.put('m/2', 'half a mod');
    await until(() => failures() === 1);
    await pause(POLLS_MS);
    expect([failures(), await answers('m')]).toEqual([1, 'version 1: 1']);
    await lab.put('m/2', times(2));
    await until(async () => (await answers('m')) === 'version 2: 2');
  });

  it('leaves alone what was unloaded by hand, until it is loaded by hand', async () => {
    lab = await RepositoryLab.open({ 'm/1': times(1) }, { model: { pollSeconds: POLL_SECONDS } });
    await lab.unload('m');
    await lab.put('m/2', times(2));
    await pause(POLLS_MS);
    expect(await answers('m')).toMatch(/^404 /);
    await lab.load('m');
    expect(await answers('m')).toBe('version 2: 2');
  });

  it('unloads nothing that cannot be read, and tells of it once', async () => {
    lab = await RepositoryLab.open(
      { 'm/1': times(1), 'n/1': times(2) },
      { model: { pollSeconds: POLL_SECONDS } },
    );
    const told = () => lab.log.filter(({ msg }) => String(msg).startsWith('the model cannot be read'));
    const unreadable = async () =>
      /^taustat_model_unreadable\{model="m"\} (\d)$/m.exec((await lab.ask('GET', '/metrics')).body)?.[1];
    await until(async () => (await unreadable()) === '0');
    // A link to itself: the file system says neither what is there nor that nothing is.
    await rename(join(lab.folder, 'm'), join(lab.folder, '.m'));
    await symlink('m', join(lab.folder, 'm'));
    await until(() => told().length > 0);
    await pause(POLLS_MS);
    expect([told().length, await answers('m'), await unreadable()]).toEqual([1, 'version 1: 1', '1']);
    expect((await lab.index())[0]).toMatch(/^m 1 READY its files cannot be read: ELOOP/);
    expect(await lab.load('m')).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching('ELOOP') },
    });
    expect((await lab.index())[1]).toBe('n 1 READY');
    await rm(join(lab.folder, 'm'));
    await rename(join(lab.folder, '.m'), join(lab.folder, 'm'));
    await until(async () => (await unreadable()) === '0');
    await lab.put('m/1', times(7));
    await until(async () => (await answers('m')) === 'version 1: 7');
  });

  it('of a repository that is gone for a moment unloads nothing', async () => {
    lab = await RepositoryLab.open({ 'm/1': times(1) }, { model: { pollSeconds: POLL_SECONDS } });
    await rename(lab.folder, `${lab.folder}-away`);
    await until(() =>
      lab.log.some(({ msg }) => String(msg).startsWith('the model repository cannot be read')),
    );
    expect(await answers('m')).toBe('version 1: 1');
    await rename(`${lab.folder}-away`, lab.folder);
    await pause(POLLS_MS);
    expect(await answers('m')).toBe('version 1: 1');
  });
});
