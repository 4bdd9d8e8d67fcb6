import type { ErrorCode } from '../../config/errors.ts';
import type { DecodeLimits } from '../decode-request.ts';
import type { NonFinitePolicy } from '../json/json-writer.ts';
import type { InferRequest, InferResponse, ModelMetadata } from '../types.ts';
import type { PackedTensor } from './packed-tensors.ts';

export type Packed<T, K extends 'inputs' | 'outputs'> = Omit<T, K> & {
  readonly [key in K]: readonly PackedTensor[];
};

/** What the codec's thread is asked. */
export type CodecJob =
  | {
      readonly kind: 'decode';
      readonly body: Uint8Array;
      readonly headerLength: number | undefined;
      readonly model: ModelMetadata;
      readonly limits: DecodeLimits;
    }
  | {
      readonly kind: 'encode';
      readonly response: Packed<InferResponse, 'outputs'>;
      readonly request: Pick<InferRequest, 'parameters' | 'outputs'>;
      readonly nonFinite: NonFinitePolicy;
    };

/** What it answers. */
export type CodecAnswer =
  /** With the body, so that it can be decoded again. */
  | { readonly kind: 'decoded'; readonly request: Packed<InferRequest, 'inputs'>; readonly body: Uint8Array }
  | { readonly kind: 'encoded'; readonly body: Uint8Array; readonly headerLength: number | undefined }
  /** `code` is undefined where the failure was not foreseen. */
  | { readonly kind: 'failed'; readonly code: ErrorCode | undefined; readonly message: string };
