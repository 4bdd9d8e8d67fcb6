import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { announcementIn } from '../../../src/tools/bench/server-process.ts';
import { answerOf, RepositoryLab, times } from '../../models/repository/repository-lab.ts';
import { ort } from '../../onnx/ort.ts';
import { smallCnn } from '../../small-cnn.ts';
import { open, received, send } from '../../transport/http/socket-client.ts';
import type { ConformanceCase } from '../case.ts';
import { outputsOf } from '../expectations.ts';
import { asBinary, asJson } from '../requests.ts';

const PROGRAM = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

const LONG = asJson([
  { name: 'trips', datatype: 'INT64', shape: '[]', data: '[1500]', bytes: new BigInt64Array(1) },
]);

/** The program in a process of its own, and the lines of its log. */
function start(...serveArguments: readonly string[]) {
  const child = spawn(process.execPath, [PROGRAM, 'serve', ...serveArguments, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Every line is kept until it is asked for: several may come at once.
  const lines = on(createInterface({ input: child.stdout }), 'line');
  const line = async <T>(find: (text: string) => T | undefined): Promise<T> => {
    for (;;) {
      const { value } = await lines.next();
      const found = find(value[0]);
      if (found !== undefined) return found;
    }
  };
  return { child, line, exited: once(child, 'exit') };
}

/** Cases 77–79: the end of a server, a model that is replaced, and pruning that is off. */
export const LIFECYCLE_CASES: readonly ConformanceCase[] = [
  {
    number: 77,
    title: 'SIGTERM',
    source: 'D',
    answer: 'readiness turns 503, requests under way are answered, then the process ends with 0.',
    checks: {
      HTTP: async (lab) => {
        const { child, line, exited } = start(await lab.file('slow'), '--name', 'slow', '--workers', '1');
        const { url } = await line(announcementIn);
        const port = Number(new URL(url).port);
        const path = '/v2/models/slow/infer';
        const answers = [send(port, { ...LONG, path }), send(port, { ...LONG, path })];
        // A request that has begun keeps its connection, however long the server has not been listening.
        const probe = await open(port);
        const readiness = received(probe, (text) => text.includes('}'));
        probe.write('GET /v2/health/ready HTTP/1.1\r\nHost: h\r\n');
        const { body } = await send(port, { path: '/v2/models/slow/ready', method: 'GET' });
        expect(body.toString()).toBe('{"name":"slow","ready":true}');
        const draining = line((text) => (text.includes('draining') ? true : undefined));
        child.kill('SIGTERM');
        await draining;
        probe.write('\r\n');
        expect(await readiness).toMatch(/^HTTP\/1\.1 503 [\s\S]*\{"ready":false[,}]/);
        for (const answer of await Promise.all(answers))
          expect(outputsOf(answer)).toEqual({ y: Float32Array.of(128) });
        expect(await exited).toEqual([0, null]);
      },
    },
  },
  {
    number: 78,
    title: 'model replaced under load',
    source: 'D',
    answer:
      'every request is answered, by the old version or by the new one, and the answer names the version that it is from.',
    checks: {
      JSON: async () => {
        const lab = await RepositoryLab.open({ 'm/1': times(1) });
        const answers: string[] = [];
        let isOver = false;
        const connections = Array.from({ length: 4 }, async () => {
          while (!isOver) answers.push(answerOf(await lab.infer('m')));
        });
        for (let version = 2; version <= 6; version++) {
          await lab.put(`m/${version}`, times(version));
          expect((await lab.load('m')).status).toBe(200);
        }
        isOver = true;
        await Promise.all(connections);
        await lab.close();
        expect(answers.length).toBeGreaterThan(100);
        expect(answers.filter((answer) => !/^version (\d): \1$/.test(answer))).toEqual([]);
      },
    },
  },
  {
    number: 79,
    title: 'pruning off',
    source: 'D',
    answer:
      'the plain model’s answer, bit for bit: with mode `off`, and with `"pruning":"off"` in a request to a server that prunes.',
    checks: {
      binary: async (lab) => {
        const session = await ort.InferenceSession.create(smallCnn('model.onnx'), {
          intraOpNumThreads: 1,
        });
        const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
        const pixels = Float32Array.from({ length: 784 }, (_, i) => ((i * 37) % 256) / 255);
        const plain = await session.run({ [input]: new ort.Tensor('float32', pixels, [1, 1, 28, 28]) });
        const expected = { [output]: plain[output]!.data };
        const image = { name: input, shape: '[1,1,28,28]', data: '', bytes: pixels };
        const off = '"parameters":{"pruning":"off","binary_data_output":true}';
        const model = { path: smallCnn('model.onnx') };
        const pruning = await lab.server('rows', { model, control: { mode: 'fixed', threshold: 0.5 } });
        const dense = await lab.server('rows', { model, control: { mode: 'off' } });
        expect(outputsOf(await pruning.send(asBinary([image])))).not.toEqual(expected);
        expect(outputsOf(await pruning.send(asBinary([image], off)))).toEqual(expected);
        expect(outputsOf(await dense.send(asBinary([image])))).toEqual(expected);
      },
    },
  },
];
