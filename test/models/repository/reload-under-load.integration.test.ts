import { afterEach, expect, it } from 'vitest';
import { open, received } from '../../transport/http/socket-client.ts';
import { until } from '../../transport/http/until.ts';
import { answerOf, RepositoryLab, times, unusable } from './repository-lab.ts';

let lab: RepositoryLab;
afterEach(() => lab.close());

const CONNECTIONS = 8;

/** Asks without pause on several connections while something happens, and tells every answer. */
async function underLoad(
  names: readonly string[],
  happens: (answers: readonly string[]) => Promise<void>,
): Promise<string[]> {
  const answers: string[] = [];
  let isOver = false;
  const connections = Array.from({ length: CONNECTIONS }, async (_, i) => {
    const name = names[i % names.length]!;
    while (!isOver) answers.push(`${name} ${answerOf(await lab.infer(name))}`);
  });
  await happens(answers).finally(() => {
    isOver = true;
  });
  await Promise.all(connections);
  return answers;
}

it('a model that is loaded again and again under load fails no request, and every answer is of the version it names', async () => {
  lab = await RepositoryLab.open({ 'm/1': times(1), 'other/1': times(-1) });
  const answers = await underLoad(['m', 'm', 'm', 'other'], async (given) => {
    for (let version = 2; version <= 12; version++) {
      await lab.put(`m/${version}`, times(version));
      expect((await lab.load('m')).status).toBe(200);
      await until(() => given.includes(`m version ${version}: ${version}`));
    }
  });
  expect(answers.filter((answer) => !/^(m version (\d+): \2|other version 1: -1)$/.test(answer))).toEqual([]);
  expect(answers.length).toBeGreaterThan(500);
  expect(new Set(answers).size).toBe(12 + 1);
});

it('files that are replaced in place, good ones and bad ones, fail no request', async () => {
  lab = await RepositoryLab.open({ 'm/1': times(1) });
  const statuses: number[] = [];
  const answers = await underLoad(['m'], async () => {
    for (let factor = 2; factor <= 12; factor++) {
      await lab.put('m/1', factor % 3 === 0 ? unusable() : times(factor));
      statuses.push((await lab.load('m')).status);
    }
  });
  expect(statuses).toEqual([200, 400, 200, 200, 400, 200, 200, 400, 200, 200, 400]);
  expect(answers.filter((answer) => !/^m version 1: (1|2|4|5|7|8|10|11)$/.test(answer))).toEqual([]);
  expect(answers.length).toBeGreaterThan(500);
});

it('a body that arrives while the model is replaced is answered by what is there then', async () => {
  lab = await RepositoryLab.open({ 'm/1': times(1) });
  const socket = await open(lab.port);
  const answer = received(socket, (text) => text.includes('"outputs"') || text.includes('"error"'));
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] });
  socket.write(
    `POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`,
  );
  await lab.put('m/2', times(2));
  expect((await lab.load('m')).status).toBe(200);
  socket.write(body.slice(9));
  expect(await answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*"model_version":"2"/);
  socket.destroy();
});
