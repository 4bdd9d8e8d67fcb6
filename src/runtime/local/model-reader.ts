/** A worker thread that reads one model file and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorCode, messageOf, ServingError } from '../../config/errors.ts';
import type { SiteOptions } from '../../onnx/sites.ts';
import { type LoadedModel, loadModel } from './load-model.ts';

/** The one message of the thread that reads a model. */
export type FromReader =
  | { readonly kind: 'read'; readonly model: LoadedModel }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };

const port = parentPort;
if (port === null) throw new Error('model-reader.js runs only as a worker thread');
const { path, sites } = workerData as { readonly path: string; readonly sites: SiteOptions };

function post(message: FromReader): void {
  port!.postMessage(message);
}

loadModel(path, sites).then(
  (model) => post({ kind: 'read', model }),
  (error: unknown) => {
    const code = error instanceof ServingError ? error.code : 'INTERNAL';
    post({ kind: 'refused', code, message: messageOf(error) });
  },
);
