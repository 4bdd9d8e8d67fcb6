import { afterEach, describe, expect, it } from 'vitest';
import { type Running, start } from './cli/command.ts';

let running: Running | undefined;
afterEach(() => running?.child.kill('SIGKILL'));

describe('examples/mount.mjs', () => {
  it('serves its own route and those of taustat on one port', async () => {
    running = start('examples/mount.mjs', ['0']);
    const url = (await running.saying(/http:\/\/localhost:(\d+)/)).replace(/^/, 'http://localhost:');
    expect(await (await fetch(`${url}/hello`)).text()).toBe('mine, beside fashion-mnist-cnn');
    const metadata = (await (await fetch(`${url}/v2/models/fashion-mnist-cnn`)).json()) as { name: string };
    expect(metadata.name).toBe('fashion-mnist-cnn');
    expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('taustat_state');
    expect((await fetch(`${url}/v2/models/other`)).status).toBe(404);
    running.child.kill('SIGTERM');
    expect((await running.outcome).code).toBe(0);
  });
});
