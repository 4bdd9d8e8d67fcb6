import { Agent, request } from 'node:http';
import type { Tensor } from '../../protocol/types.ts';

export interface Answer {
  readonly status: number;
  /** Threshold that the answer was computed at; NaN when the answer says none. */
  readonly threshold: number;
  readonly ms: number;
}

/** A client of the v2 protocol that keeps its connections and sends binary tensors. */
export class BinaryClient {
  readonly #agent: Agent;
  readonly #url: URL;

  constructor(serverUrl: string, model: string, connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.#url = new URL(`/v2/models/${encodeURIComponent(model)}/infer`, serverUrl);
  }

  infer(id: string, inputs: readonly Tensor[], pruning: 'on' | 'off'): Promise<Answer> {
    const header = Buffer.from(
      JSON.stringify({
        id,
        parameters: { pruning, binary_data_output: true },
        inputs: inputs.map(({ name, shape, datatype, elements }) => ({
          name,
          shape,
          datatype,
          parameters: { binary_data_size: bytesOf(elements).length },
        })),
      }),
    );
    const body = Buffer.concat([header, ...inputs.map(({ elements }) => bytesOf(elements))]);
    return this.#post(body, header.length);
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(body: Buffer, headerLength: number): Promise<Answer> {
    const started = performance.now();
    return new Promise((resolve, reject) => {
      const outgoing = request(
        this.#url,
        {
          method: 'POST',
          agent: this.#agent,
          headers: {
            'Content-Type': 'application/octet-stream',
            'Content-Length': body.length,
            'Inference-Header-Content-Length': headerLength,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const ms = performance.now() - started;
            const json = Number(response.headers['inference-header-content-length'] ?? Number.NaN);
            const status = response.statusCode ?? 0;
            resolve({ status, ms, threshold: thresholdOf(Buffer.concat(chunks), json, status) });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

function thresholdOf(body: Buffer, headerLength: number, status: number): number {
  if (status !== 200) return Number.NaN;
  const text = body.toString('utf8', 0, Number.isNaN(headerLength) ? body.length : headerLength);
  const { parameters } = JSON.parse(text) as { parameters?: { threshold?: number } };
  return parameters?.threshold ?? Number.NaN;
}

function bytesOf(elements: Tensor['elements']): Buffer {
  if (!ArrayBuffer.isView(elements)) throw new TypeError('BYTES tensors are not replayed');
  return Buffer.from(elements.buffer, elements.byteOffset, elements.byteLength);
}
