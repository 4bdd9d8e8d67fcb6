// A worker thread: measures the run lengths of drift of one row at a time.
import { parentPort } from 'node:worker_threads';
import { driftRunLengths } from '../replay/drift-alarms.mjs';

parentPort?.on('message', (job) => parentPort?.postMessage(driftRunLengths(job)));
