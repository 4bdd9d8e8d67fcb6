import type { NodeProto } from 'onnx-buf';

/** A node's operator: the bare name in the standard domain, `domain.name` in any other. */
export function opOf({ domain, opType }: NodeProto): string {
  return domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`;
}
