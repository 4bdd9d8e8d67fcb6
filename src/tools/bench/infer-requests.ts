import { ServingError } from '../../config/errors.ts';
import { encodeInferRequest } from '../../protocol/encode-request.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import type { InputRows } from '../inputs/input-rows.ts';

export type WireForm = 'binary' | 'json';

/** An infer request as it goes over the wire, without what the connection adds. */
export interface WireRequest {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Enough requests that none is served from a warm cache alone, few enough to be held and built quickly. */
const MAX_REQUESTS = 256;
const MAX_TOTAL_BYTES = 8 << 20;

/** The recorded rows as requests of `batch` rows each, different rows in each. */
export function inferRequests(rows: InputRows, batch: number, form: WireForm): WireRequest[] {
  const isBinary = form === 'binary';
  const requests: WireRequest[] = [];
  let bytes = 0;
  for (let from = 0; from + batch <= rows.count && requests.length < MAX_REQUESTS; from += batch) {
    if (bytes > MAX_TOTAL_BYTES) break;
    const inputs = rows.batch(from, from + batch);
    const { body, headerLength } = encodeInferRequest(
      { parameters: isBinary ? { binary_data_output: true } : {}, inputs },
      isBinary,
    );
    const headers: Record<string, string> =
      headerLength === undefined
        ? { 'Content-Type': 'application/json' }
        : {
            'Content-Type': 'application/octet-stream',
            'Inference-Header-Content-Length': String(headerLength),
          };
    requests.push({ body: Buffer.from(body.buffer, body.byteOffset, body.byteLength), headers });
    bytes += body.byteLength;
  }
  return requests;
}

/** @throws ServingError INVALID_REQUEST for a batch that the model or the recorded rows do not allow. */
export function checkBatch(specs: readonly TensorSpec[], rows: number, batch: number): void {
  const fixed = specs.find(({ shape }) => shape[0] !== -1 && shape[0] !== batch);
  if (fixed !== undefined)
    throw new ServingError(
      'INVALID_REQUEST',
      `input '${fixed.name}' has a fixed first dimension of ${fixed.shape[0]}: a batch of ${batch} does not fit`,
    );
  if (rows < batch)
    throw new ServingError(
      'INVALID_REQUEST',
      `a batch of ${batch} needs as many rows, the inputs have ${rows}`,
    );
}

export function inferPath(model: string): string {
  return `/v2/models/${encodeURIComponent(model)}/infer`;
}
