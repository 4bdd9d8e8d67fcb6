import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf, ServingError } from '../../config/errors.ts';
import { descriptionIn } from '../../onnx/description.ts';
import { instrument } from '../../onnx/instrument.ts';
import { decodeModel, encodeModel, externalDataFiles, relocateExternalData } from '../../onnx/model-file.ts';
import { rowMeetings } from '../../onnx/row-independence.ts';
import { modelSignature } from '../../onnx/signature.ts';
import type { SiteOptions } from '../../onnx/sites.ts';
import { softmaxOutputs } from '../../onnx/softmax-outputs.ts';
import { checkText } from '../../onnx/text.ts';
import type { ServableModel } from '../servable-model.ts';
import { fileStamp, findExternalData } from './external-data.ts';
import type { WorkerSetup } from './messages.ts';

/** A model whose file was read. Its hash is of the file, and of size and time of change of its external weights. */
export interface LoadedModel extends ServableModel {
  readonly setup: Omit<WorkerSetup, 'intraOpThreads'>;
}

const NO_SITES = { sites: [], skipped: [] } as const;

/**
 * Reads a model file and prepares what the workers need: the model as it is, and its gated form.
 *
 * @throws ServingError FILE_NOT_FOUND, or MODEL_INVALID.
 */
export async function loadModel(path: string, siteOptions: SiteOptions): Promise<LoadedModel> {
  const plain = await readModel(path);
  const model = decodeModel(plain);
  const description = descriptionIn(model);
  const signature = modelSignature(model, description === undefined ? 'own' : 'all');
  if (signature.outputs.some(({ datatype }) => datatype === 'BYTES')) checkText(model);
  const external = externalDataFiles(model);
  const hash = await hashOf(plain, external, dirname(resolve(path)));
  const found = external.length > 0 ? await findExternalData(path, external) : undefined;
  const isMoved = found !== undefined && found.locations.size > 0;
  if (isMoved) relocateExternalData(model, found.locations);
  const opened = isMoved ? encodeModel(model) : plain;
  const { bytes, sites, skipped } =
    description === undefined ? instrument(model, siteOptions) : { bytes: opened, ...NO_SITES };
  return {
    stem: basename(path).replace(/\.onnx$/i, ''),
    hash,
    isHashPartial: external.length > 0,
    signature,
    rowMeetings: rowMeetings(model),
    sites,
    skipped,
    softmaxOutputs: softmaxOutputs(model),
    ...(description === undefined ? {} : { description }),
    setup: {
      plain: shared(opened),
      taps: sites.map((site) => site.tap),
      ...(sites.every(({ elementType }) => elementType === 'float32')
        ? { observable: sites.map(({ tensor }) => tensor) }
        : {}),
      ...(sites.length === 0 ? {} : { gated: shared(bytes) }),
      ...(found === undefined ? {} : { externalFolder: found.folder }),
    },
  };
}

/** Hash of a model; of external weights only size and time of change, which saves reading them. */
async function hashOf(plain: Uint8Array, external: readonly string[], folder: string): Promise<string> {
  const hash = createHash('sha256').update(plain);
  for (const name of external) hash.update(`${name} ${await fileStamp(join(folder, name))}`);
  return hash.digest('hex');
}

/** A copy in shared memory, which threads use without copying it again. */
function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  copy.set(bytes);
  return copy;
}

/** @throws ServingError FILE_NOT_FOUND */
export async function readModel(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ServingError('FILE_NOT_FOUND', `model file '${path}' cannot be read: ${messageOf(error)}`);
  }
}
