import type { Tensor } from '../../protocol/types.ts';
import type { Run } from '../runtime.ts';

const TRANSFER_FROM_BYTES = 1 << 16;

/**
 * A run's inputs as they go to a worker, and the memory that moves with them.
 *
 * Large inputs that nobody needs afterwards move; small ones are cheaper to copy. A view goes alone, without the rest of
 * its buffer; shared memory is copied, because ONNX Runtime takes none.
 */
export function outgoing(run: Pick<Run, 'inputs' | 'keepInputs'>): {
  inputs: readonly Tensor[];
  transfer: ArrayBuffer[];
} {
  const transfer = new Set<ArrayBuffer>();
  const inputs = run.inputs.map((input) => {
    const { elements } = input;
    if (!ArrayBuffer.isView(elements)) return input;
    const isWhole =
      elements.buffer instanceof ArrayBuffer && elements.byteLength === elements.buffer.byteLength;
    const own = isWhole ? elements : elements.slice();
    if (elements.byteLength >= TRANSFER_FROM_BYTES && !(isWhole && run.keepInputs)) {
      transfer.add(own.buffer as ArrayBuffer);
    }
    return { ...input, elements: own };
  });
  return { inputs, transfer: [...transfer] };
}
