/** A worker thread that reads one model file and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf, ServingError } from '../../config/errors.ts';
import type { SiteOptions } from '../../onnx/sites.ts';
import { loadModel } from './load-model.ts';
import type { FromReader } from './messages.ts';

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
