import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type {
  pruningActivations,
  pruningHistory,
  pruningOverview,
  pruningReport,
  pruningSummary,
} from '../../../src/models/pruning-report.ts';
import type { ModelSharing, Reach } from '../../../src/models/served/model-sharing.ts';
import type { Tokens } from '../../../src/plane/authorization.ts';
import { httpApplication } from '../../../src/transport/http/application.ts';
import { openApiDocument } from '../../../src/transport/http/openapi/document.ts';
import { OPERATIONS } from '../../../src/transport/http/openapi/operations.ts';
import type {
  ChangedReport,
  PruningActivations,
  PruningHistory,
  PruningOverview,
  PruningReport,
  PruningSummary,
} from '../../../src/transport/http/openapi/pruning-schemas.ts';
import { createFakePlane } from './fake-plane.ts';
import { FakePruningPlane } from './fake-pruning-plane.ts';
import { FakeRepositoryPlane } from './fake-repository-plane.ts';

const applicationWith = (tokens: Tokens) =>
  httpApplication(
    {
      inference: createFakePlane(),
      pruning: new FakePruningPlane(),
      repository: new FakeRepositoryPlane(),
      expose: async () => ({ contentType: 'text/plain', body: '' }),
    },
    { tokens, openMetrics: true, report: () => undefined },
  );
const { routes } = applicationWith({});
const METHODS = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'];
/** Pages for people, and what stands before every route. */
const NO_API = new Set(['/*', '/v2/*', '/console/:file']);

/** The paths of the application, as the document writes them; `/v2/` is `/v2`. */
const served = new Set(
  routes.routes
    .map(({ path }) => path)
    .filter((path) => !NO_API.has(path))
    .map((path) => path.replace(/:(\w+)/g, '{$1}').replace(/(.)\/$/, '$1')),
);

describe('the OpenAPI document', () => {
  it('is one', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(openApiDocument()));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('has every path that is served, and no other', () => {
    expect(Object.keys(openApiDocument().paths as object).sort()).toEqual([...served].sort());
  });

  it.each([...served])('%s takes the methods of the document, and refuses the others', async (path) => {
    const documented = OPERATIONS.filter((one) => one.path === path).map(({ method }) =>
      method.toUpperCase(),
    );
    const taken = [];
    for (const method of METHODS) {
      const target = path
        .replace('{model}', path.includes('/pruning') ? 'm' : 'fixed')
        .replace('{version}', '1');
      const answer = await routes.request(target, { method });
      await answer.body?.cancel();
      // A path that is known for one method only is not found for the others.
      if (![404, 405].includes(answer.status)) taken.push(method);
    }
    expect(taken).toEqual(METHODS.filter((method) => documented.includes(method)));
  });

  it('is for those who may use the data plane', async () => {
    const { routes: guarded } = applicationWith({ data: 'a-data-token' });
    const ask = (headers: Record<string, string>) => guarded.request('/v2/openapi.json', { headers });
    expect((await ask({})).status).toBe(401);
    expect((await ask({ Authorization: 'Bearer a-data-token' })).status).toBe(200);
  });

  it('gives each operation a name of its own', () => {
    const ids = OPERATIONS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has no schema that nothing refers to', () => {
    const document = openApiDocument();
    const text = JSON.stringify(document);
    const { schemas } = document.components as { schemas: object };
    expect(Object.keys(schemas).filter((id) => !text.includes(`"#/components/schemas/${id}"`))).toEqual([]);
  });
});

describe('its schemas of the control API', () => {
  /** Schemas know no `readonly`. */
  type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;
  type Report = Writable<ReturnType<typeof pruningReport>>;
  type Summary = Writable<ReturnType<typeof pruningSummary>>;
  type History = Writable<ReturnType<typeof pruningHistory>>;
  type Activations = Writable<ReturnType<typeof pruningActivations>>;
  type Overview = { models: Writable<ReturnType<typeof pruningOverview>>[] };
  type Replicas = Awaited<ReturnType<ModelSharing['report']>>;

  it('take what is reported', () => {
    expectTypeOf<Report>().toExtend<z.output<typeof PruningReport>>();
    expectTypeOf<Summary>().toExtend<z.output<typeof PruningSummary>>();
    expectTypeOf<History>().toExtend<z.output<typeof PruningHistory>>();
    expectTypeOf<Activations>().toExtend<z.output<typeof PruningActivations>>();
    expectTypeOf<Overview>().toExtend<z.output<typeof PruningOverview>>();
    expectTypeOf<Writable<Replicas>>().toExtend<NonNullable<z.output<typeof PruningReport>['replicas']>>();
    expectTypeOf<Writable<Reach>>().toExtend<NonNullable<z.output<typeof ChangedReport>['taken']>>();
  });

  it('name nothing that is not', () => {
    expectTypeOf<keyof z.output<typeof PruningSummary>>().toEqualTypeOf<keyof Summary>();
    expectTypeOf<keyof NonNullable<z.output<typeof PruningReport>['replicas']>>().toEqualTypeOf<
      keyof Replicas
    >();
  });
});
