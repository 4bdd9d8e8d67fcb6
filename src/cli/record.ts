import { randomUUID } from 'node:crypto';
import { lstat, rename, rm, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { messageOf, ServingError } from '../config/errors.ts';
import { record } from '../tools/record/record.ts';
import { countOption, numberOption } from './options.ts';

interface RecordFlags {
  readonly output: string;
  readonly url: string;
  readonly modelVersion?: string;
  readonly requests: number;
  readonly wait: number;
  readonly token?: string;
}

/** Recorded inputs are data of clients: only their owner may read them. */
const OWNER_ONLY = 0o600;

export function recordCommand(): Command {
  return new Command('record')
    .description('Record inputs of real requests from a running server, for analyze and doctor.')
    .argument('<model>', 'name of the model')
    .requiredOption('-o, --output <file>', '.npz file to write')
    .option('--url <url>', 'address of the server', 'http://127.0.0.1:8080')
    .option('--model-version <version>', 'version of the model (default: the one that answers)')
    .option('--requests <count>', 'most requests; asked for in portions of 1,000', countOption, 240)
    .option(
      '--wait <seconds>',
      'time to wait for that many; then those that there are are written',
      numberOption,
      60,
    )
    .option('--token <token>', 'control token of the server (default: $TAUSTAT_CONTROL_TOKEN)')
    .addHelpText(
      'after',
      `
Examples:
  $ TAUSTAT_SAMPLING_ALLOW_RECORD=true taustat serve model.onnx --name resnet
  $ taustat record resnet -o recorded.npz
  $ taustat analyze model.onnx --inputs recorded.npz
  $ taustat record resnet --url http://10.0.0.7:8080 --requests 1000 --wait 600 -o recorded.npz

Recorded inputs are data of clients. A server gives them away only if its configuration sets sampling.allowRecord, and only
to callers who may change it: with the control token, or from its own machine where it has none. It keeps requests in modes
auto and observe, while it tests thresholds on them. Input x of request 7 is the array 7/x of the file.`,
    )
    .action((model: string, flags: RecordFlags) => run(model, flags));
}

async function run(
  model: string,
  { output, url, modelVersion, requests, wait, token }: RecordFlags,
): Promise<void> {
  if (!URL.canParse(url)) throw new ServingError('CONFIG_INVALID', `--url '${url}': expected a URL`);
  await checkTarget(output);
  const recording = await record({
    url,
    model,
    version: modelVersion,
    token: token ?? process.env.TAUSTAT_CONTROL_TOKEN,
    requests,
    waitSeconds: wait,
  });
  await written(output, recording.bytes);
  const size = (recording.bytes.byteLength / 1e6).toFixed(1);
  process.stdout.write(`recorded ${recording.requests} requests of '${model}' in ${output}, ${size} MB\n`);
}

/** Only a file is replaced: no folder, device, pipe or link. @throws ServingError FILE_NOT_FOUND */
async function checkTarget(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isFile())
    throw new ServingError('FILE_NOT_FOUND', `'${path}' cannot be written: it is there, and no regular file`);
}

/**
 * Replaces a file at once: one that is there would keep its permissions if it were written to, and stays as it is where
 * something fails.
 */
async function written(path: string, bytes: Uint8Array): Promise<void> {
  await checkTarget(path);
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, bytes, { mode: OWNER_ONLY, flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new ServingError('FILE_NOT_FOUND', `'${path}' cannot be written: ${messageOf(error)}`);
  }
}
