import type { Tensor } from '../../protocol/types.ts';
import type { Run } from '../runtime.ts';

const TRANSFER_FROM_BYTES = 1 << 16;

/**
 * The inputs of a run for a worker, and the memory to transfer with them.
 *
 * Large inputs are transferred unless they are needed afterwards; small ones are cheaper to copy. Of a view only its own
 * bytes are sent. Shared memory is copied, because ONNX Runtime does not accept it.
 */
export function transferOf(run: Pick<Run, 'inputs' | 'keepInputs'>): {
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
