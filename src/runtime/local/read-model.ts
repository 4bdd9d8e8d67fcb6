import { Worker } from 'node:worker_threads';
import { ServingError } from '../../config/errors.ts';
import { workerFlags } from '../../config/worker-flags.ts';
import type { SiteOptions } from '../../onnx/sites.ts';
import type { LoadedModel } from './load-model.ts';
import type { FromReader } from './model-reader.ts';

/** The compiled file; sources (tests) use it too. */
const READER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/runtime/local/model-reader.js' : './model-reader.js',
  import.meta.url,
);

/**
 * Does `loadModel` in a thread of its own: reading and gating 100 MB would block the calling thread for most of a second.
 *
 * @throws ServingError FILE_NOT_FOUND, MODEL_INVALID, or INTERNAL when the thread died.
 */
export function readModelInThread(path: string, sites: SiteOptions): Promise<LoadedModel> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(READER, { workerData: { path, sites }, execArgv: workerFlags() });
    worker.once('message', (message: FromReader) => {
      if (message.kind === 'read') resolve(message.model);
      else reject(new ServingError(message.code, message.message));
    });
    worker.once('error', (error) =>
      reject(new ServingError('INTERNAL', `the model was not read: ${error.message}`)),
    );
    worker.once('exit', (code) =>
      reject(new ServingError('INTERNAL', `the model was not read: code ${code}`)),
    );
  });
}
