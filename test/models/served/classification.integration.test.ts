import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { credentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeBinary } from '../../../src/protocol/binary/binary-codec.ts';
import { perceptron, perceptronInput, perceptronReference } from '../../runtime/small-models.ts';
import { unary } from '../../transport/grpc/calls.ts';
import { OracleClient } from '../../transport/grpc/oracle.ts';
import { RepositoryLab } from '../repository/repository-lab.ts';

let lab: RepositoryLab;
afterEach(() => lab.close());

const INPUT = perceptronInput(2);
const { y } = perceptronReference([...(INPUT.elements as Float32Array)]);
const LABELS = ['zero', 'one', 'two'];

/** The two best classes of each row. */
const best = (labels: readonly string[]) =>
  [y.slice(0, 3), y.slice(3)].flatMap((row) =>
    row
      .map((score, index) => ({ score, index }))
      .sort((a, b) => b.score - a.score || a.index - b.index)
      .slice(0, 2)
      .map(
        ({ score, index }) => `${score.toFixed(6)}:${index}${labels.length > 0 ? `:${labels[index]}` : ''}`,
      ),
  );

const x = { name: 'x', datatype: 'FP32', shape: INPUT.shape, data: [...(INPUT.elements as Float32Array)] };
const asking = (parameters: object) => ({ inputs: [x], outputs: [{ name: 'y', parameters }] });
const INFER = '/v2/models/m/infer';

describe('classification', () => {
  it('answers the best classes with the labels of the repository, as JSON, as binary data, over gRPC', async () => {
    lab = await RepositoryLab.open({ 'm/1': perceptron() }, { control: { mode: 'off' } });
    expect((await lab.ask('POST', INFER, asking({ classification: 2 }))).body.outputs).toEqual([
      { name: 'y', datatype: 'BYTES', shape: [2, 2], data: best([]) },
    ]);
    await writeFile(join(lab.folder, 'm/labels.txt'), `${LABELS.join('\r\n')}\n`);
    await lab.load('m');
    expect((await lab.ask('POST', INFER, asking({ classification: 2 }))).body.outputs[0].data).toEqual(
      best(LABELS),
    );
    const { body: config } = await lab.ask('GET', '/v2/models/m/config');
    expect(config.output[0].label_filename).toBe('labels.txt');

    const response = await fetch(`http://127.0.0.1:${lab.port}${INFER}`, {
      method: 'POST',
      body: JSON.stringify(asking({ classification: 2, binary_data: true })),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const headerLength = Number(response.headers.get('inference-header-content-length'));
    const strings = decodeBinary('y', 'BYTES', 4, bytes.subarray(headerLength));
    expect((strings as readonly Uint8Array[]).map((text) => Buffer.from(text).toString())).toEqual(
      best(LABELS),
    );

    const grpc = await lab.taustat.listenGrpc({ port: 0 });
    const client = new OracleClient(grpc.address, credentials.createInsecure());
    const { data, ...rest } = x;
    const ask = (count: number) =>
      unary(client, 'ModelInfer', {
        model_name: 'm',
        inputs: [{ ...rest, contents: { fp32_contents: data } }],
        outputs: [{ name: 'y', parameters: { classification: { int64_param: count } } }],
      });
    const [output] = (await ask(2)).outputs;
    expect(output).toMatchObject({ name: 'y', datatype: 'BYTES', shape: ['2', '2'] });
    expect(output.contents.bytes_contents.map(String)).toEqual(best(LABELS));
    await expect(ask(0)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    client.close();
    await grpc.stop(0);
  });

  it.each([0, -1, 1.5, 'two', true])('of %j classes is refused', async (classification) => {
    lab = await RepositoryLab.open({ 'm/1': perceptron() });
    const { status: code, body } = await lab.ask('POST', INFER, asking({ classification }));
    expect([code, body.error]).toEqual([
      400,
      expect.stringMatching(/^output 'y': parameter 'classification'/),
    ]);
  });

  it('needs labels that can be read, where there are some', async () => {
    lab = await RepositoryLab.open({ 'm/1': perceptron() });
    await writeFile(join(lab.folder, 'm/labels.txt'), Buffer.alloc((16 << 20) + 1));
    const { status: code, body } = await lab.load('m');
    expect([code, body.error]).toEqual([400, expect.stringContaining('have more than 16777216 bytes')]);
    expect((await lab.ask('POST', INFER, asking({}))).status).toBe(200);
  });
});
