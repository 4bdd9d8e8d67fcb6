/** The messages of `RepositoryIndex`, `RepositoryModelLoad` and `RepositoryModelUnload`. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { ServingError } from '../../config/errors.ts';
import { checkChangeParameter, type IndexEntry } from '../../plane/repository.ts';
import { decodeProtobuf, FieldAllowance, Fields } from '../../protocol/grpc/fields.ts';

/** Decodes `RepositoryIndexRequest`. @returns whether only ready models are requested. @throws ServingError INVALID_REQUEST */
export function decodeIndexMessage(message: Uint8Array): boolean {
  return decodeProtobuf(() => {
    const fields = new Fields(message, new FieldAllowance());
    let isReadyOnly = false;
    while (fields.next()) {
      if (fields.number === 1) checkRepositoryName(fields.text());
      else if (fields.number === 2) isReadyOnly = fields.bool();
      else fields.skip();
    }
    return isReadyOnly;
  });
}

/**
 * Decodes `RepositoryModelLoadRequest` and `RepositoryModelUnloadRequest`. @returns the name of the model.
 *
 * @throws ServingError INVALID_REQUEST, also for a parameter that would be ignored.
 */
export function decodeModelChange(message: Uint8Array): string {
  return decodeProtobuf(() => {
    const allowance = new FieldAllowance();
    const fields = new Fields(message, allowance);
    let name = '';
    while (fields.next()) {
      if (fields.number === 1) checkRepositoryName(fields.text());
      else if (fields.number === 2) name = fields.text();
      else if (fields.number === 3) checkChangeParameter(keyOf(fields.bytes(), allowance));
      else fields.skip();
    }
    return name;
  });
}

function checkRepositoryName(name: string): void {
  if (name !== '') throw new ServingError('INVALID_REQUEST', "'repository_name' is not supported here");
}

function keyOf(entry: Uint8Array, allowance: FieldAllowance): string {
  const fields = new Fields(entry, allowance);
  let key = '';
  while (fields.next()) {
    if (fields.number === 1) key = fields.text();
    else fields.skip();
  }
  return key;
}

/** `RepositoryIndexResponse`. */
export function encodeIndex(entries: readonly IndexEntry[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const { name, version = '', state, reason } of entries) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name);
    writer.tag(2, WireType.LengthDelimited).string(version);
    writer.tag(3, WireType.LengthDelimited).string(state);
    writer.tag(4, WireType.LengthDelimited).string(reason);
    writer.join();
  }
  return writer.finish();
}
