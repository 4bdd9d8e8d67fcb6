/** What a file that taustat has instrumented tells of itself: metadata of the ONNX file, and of the server's configuration. */
import { create } from '@bufbuild/protobuf';
import { type ModelProto, StringStringEntryProtoSchema } from 'onnx-buf';
import { z } from 'zod';
import { messageOf, ServingError } from '../config/errors.ts';
import { copyOf } from './rewriting.ts';

/** Key in `metadata_props` of the file, and in `parameters` of a model's configuration. */
export const DESCRIPTION_KEY = 'taustat';

const Schema = z.object({
  /** SHA-256 of the plain model's file, in hex. */
  plain: z.string(),
  /** In the order of the threshold input. */
  sites: z.array(
    z.object({ name: z.string(), op: z.string(), isNonNegative: z.boolean(), pole: z.number().nullable() }),
  ),
  skipped: z.array(z.object({ name: z.string(), op: z.string(), tensor: z.string(), reason: z.string() })),
  /** Outputs computed by Softmax or LogSoftmax. */
  softmaxOutputs: z.array(z.string()),
});

/** The sites of an instrumented model, in the order of its threshold input, and what else a controller needs of the original. */
export type Description = z.output<typeof Schema>;

/** A copy of a model that carries its description. */
export function describedBy(model: ModelProto, description: Description): ModelProto {
  const copy = copyOf(model);
  const entry = create(StringStringEntryProtoSchema, {
    key: DESCRIPTION_KEY,
    value: JSON.stringify(description),
  });
  copy.metadataProps = [...model.metadataProps, entry];
  return copy;
}

/** The description that a file carries, as text; undefined: none. */
export function descriptionIn({ metadataProps }: ModelProto): string | undefined {
  return metadataProps.find(({ key }) => key === DESCRIPTION_KEY)?.value;
}

/** @param where - for the message. @throws ServingError MODEL_INVALID for text that is no description. */
export function readDescription(text: string, where: string): Description {
  try {
    return Schema.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error).replace(/\s+/g, ' ') : messageOf(error);
    throw new ServingError('MODEL_INVALID', `${where}: not a description of sites: ${why}`);
  }
}
