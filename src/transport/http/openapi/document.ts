import { z } from 'zod';
import { VERSION } from '../../../config/version.ts';
import { components } from './components.ts';
import { type Content, OPERATIONS, type Operation } from './operations.ts';
import { Problem } from './protocol-schemas.ts';

export type Json = { readonly [key: string]: unknown };

const JSON_TYPE = 'application/json';
const LENGTH_HEADER = 'Inference-Header-Content-Length';
const TOKENS = [{ bearer: [] }, { key: [] }];

/** The OpenAPI document of a server: its routes, from the table of operations, and their schemas, as JSON Schema of 2020-12. */
export function openApiDocument(): Json {
  const schemas = componentSchemas();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATIONS)
    paths[operation.path] = { ...paths[operation.path], [operation.method]: operationJson(operation) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'taustat',
      version: VERSION,
      description:
        'The Open Inference Protocol v2 over REST, and the control API of pruning. Answers may get further members in later versions.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Relative to this document, so that it also holds below a path.
    servers: [{ url: '..' }],
    // Where no token is configured, none is asked for.
    security: [{}, ...TOKENS],
    paths,
    components: {
      schemas,
      responses: {
        Error: {
          description: 'An error; 503 has `Retry-After`, 405 `Allow`.',
          content: { [JSON_TYPE]: { schema: refTo(Problem) } },
        },
      },
      parameters: {
        model: { name: 'model', in: 'path', required: true, schema: { type: 'string' } },
        version: {
          name: 'version',
          in: 'path',
          required: true,
          schema: { type: 'string', pattern: '^\\d+$' },
        },
      },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        key: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  };
}

function componentSchemas(): Json {
  const { schemas } = z.toJSONSchema(components, { uri: uriOf, io: 'input' });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]),
  );
}

function uriOf(id: string): string {
  return `#/components/schemas/${id}`;
}

function refTo(schema: z.ZodType): Json {
  const id = components.get(schema)?.id;
  if (id !== undefined) return { $ref: uriOf(id) };
  const { $schema: _, ...inline } = z.toJSONSchema(schema, { io: 'input' });
  return inline;
}

function operationJson(operation: Operation): Json {
  const { id, tag, summary, isControl, path, query = {}, body, answers } = operation;
  const places = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    $ref: `#/components/parameters/${name}`,
  }));
  const queries = Object.entries(query).map(([name, { description, schema }]) => ({
    name,
    in: 'query',
    description,
    schema: refTo(schema),
  }));
  const headers = body?.content.some(({ kind }) => kind === 'binary tensors')
    ? [{ name: LENGTH_HEADER, in: 'header', description: LENGTH_SENTENCE, schema: LENGTH_SCHEMA }]
    : [];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(isControl ? { description: CONTROL_SENTENCE, security: [...TOKENS, {}] } : {}),
    parameters: [...places, ...queries, ...headers],
    ...(body === undefined
      ? {}
      : { requestBody: { required: body.isRequired, content: contentJson(body.content) } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description, content }]) => [
          status,
          { description, ...(content === undefined ? {} : { content: contentJson(content) }) },
        ]),
      ),
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

const CONTROL_SENTENCE =
  'Needs the control token; where none is configured, it is accepted only from the machine of the server.';
const LENGTH_SENTENCE = 'Size of the JSON in bytes, where binary data follows it.';
const LENGTH_SCHEMA = { type: 'integer', minimum: 0 };

function contentJson(contents: readonly Content[]): Json {
  return Object.fromEntries(contents.flatMap(mediaTypes));
}

function mediaTypes(content: Content): readonly (readonly [type: string, media: Json])[] {
  switch (content.kind) {
    case 'json':
      return [[JSON_TYPE, { schema: refTo(content.schema) }]];
    case 'binary tensors': {
      // Bytes have no schema: this is that of the JSON before them.
      const contentSchema = refTo(content.schema);
      return [['application/octet-stream', { schema: { contentMediaType: JSON_TYPE, contentSchema } }]];
    }
    case 'events': {
      const contentSchema = refTo(content.data);
      const schema = { type: 'string', contentMediaType: JSON_TYPE, contentSchema };
      return [['text/event-stream', { schema }]];
    }
    case 'text':
      return content.types.map((type) => [type, { schema: { type: 'string' } }]);
    case 'bytes':
      return content.types.map((type) => [type, {}]);
  }
}
