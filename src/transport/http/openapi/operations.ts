import { z } from 'zod';
import { BackBody, PutBody } from '../pruning-routes.ts';
import { components } from './components.ts';
import {
  ChangeRequest,
  IndexRequest,
  InferRequest,
  InferResponse,
  Live,
  ModelConfiguration,
  ModelMetadata,
  ModelReady,
  NotReady,
  Ready,
  RepositoryIndex,
  Server,
  Statistics,
} from './protocol-schemas.ts';
import {
  ChangedReport,
  PruningActivations,
  PruningHistory,
  PruningOverview,
  PruningReport,
  PruningSummary,
} from './pruning-schemas.ts';

/** What a body is: JSON of a schema, or text or bytes of a media type. */
export type Content =
  | { readonly kind: 'json'; readonly schema: z.ZodType }
  | { readonly kind: 'binary tensors'; readonly schema: z.ZodType }
  | { readonly kind: 'events'; readonly data: z.ZodType }
  | { readonly kind: 'text' | 'bytes'; readonly types: readonly string[] };

export interface Operation {
  readonly method: 'get' | 'put' | 'post';
  /** As in OpenAPI: `{model}` stands for a segment. */
  readonly path: string;
  readonly id: string;
  readonly tag: 'Inference' | 'Models' | 'Pruning' | 'Health' | 'Server';
  /** One sentence. */
  readonly summary: string;
  readonly isControl?: true;
  readonly query?: Readonly<Record<string, { readonly description: string; readonly schema: z.ZodType }>>;
  readonly body?: { readonly isRequired: boolean; readonly content: readonly Content[] };
  /** By status. Every operation may answer an error besides. */
  readonly answers: Readonly<
    Record<number, { readonly description: string; readonly content?: readonly Content[] }>
  >;
}

const json = (schema: z.ZodType): readonly Content[] => [{ kind: 'json', schema }];
const answered = (schema: z.ZodType, description = 'The answer.') => ({ description, content: json(schema) });

const Change = z
  .strictObject(PutBody.shape)
  .describe("`threshold` belongs to mode 'fixed', which needs it.")
  .register(components, { id: 'PruningChange' });

const Back = z
  .strictObject(BackBody.shape)
  .describe('`to`: the threshold that is expected; where it is another one by now, nothing changes.')
  .register(components, { id: 'BackToLastGood' });

const OF_SERVER: readonly Operation[] = [
  {
    method: 'get',
    path: '/v2',
    id: 'server',
    tag: 'Server',
    summary: 'Name, version and extensions of the server.',
    answers: { 200: answered(Server) },
  },
  {
    method: 'get',
    path: '/v2/openapi.json',
    id: 'openapi',
    tag: 'Server',
    summary: 'This document.',
    answers: { 200: { description: 'OpenAPI 3.1.', content: json(z.looseObject({ openapi: z.string() })) } },
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'metrics',
    tag: 'Server',
    summary: 'Metrics for Prometheus, as text or OpenMetrics.',
    answers: {
      200: {
        description: 'In the format that `Accept` prefers, compressed where `Accept-Encoding` allows.',
        content: [{ kind: 'text', types: ['text/plain', 'application/openmetrics-text'] }],
      },
    },
  },
  {
    method: 'get',
    path: '/v2/health/live',
    id: 'live',
    tag: 'Health',
    summary: 'Whether the process answers.',
    answers: { 200: answered(Live, 'It does.'), 503: answered(Live, 'It is about to end.') },
  },
  {
    method: 'get',
    path: '/v2/health/ready',
    id: 'ready',
    tag: 'Health',
    summary: 'Whether the server is ready for requests.',
    answers: { 200: answered(Ready, 'It is.'), 503: answered(NotReady, 'It is not.') },
  },
  {
    method: 'get',
    path: '/v2/models/stats',
    id: 'allStatistics',
    tag: 'Models',
    summary: 'Counts and times of every model.',
    answers: { 200: answered(Statistics) },
  },
  {
    method: 'get',
    path: '/v2/pruning',
    id: 'pruningOverview',
    tag: 'Pruning',
    summary: 'The pruning of every model that answers, in short.',
    answers: { 200: answered(PruningOverview) },
  },
  {
    method: 'post',
    path: '/v2/repository/index',
    id: 'repositoryIndex',
    tag: 'Models',
    summary: 'Which models there are, served or not, and why.',
    body: { isRequired: false, content: json(IndexRequest) },
    answers: { 200: answered(RepositoryIndex) },
  },
  {
    method: 'post',
    path: '/v2/repository/models/{model}/load',
    id: 'load',
    tag: 'Models',
    summary: 'Loads a model, or loads it anew.',
    isControl: true,
    body: { isRequired: false, content: json(ChangeRequest) },
    answers: { 200: { description: 'It is loaded.' } },
  },
  {
    method: 'post',
    path: '/v2/repository/models/{model}/unload',
    id: 'unload',
    tag: 'Models',
    summary: 'Unloads a model; requests under way finish.',
    isControl: true,
    body: { isRequired: false, content: json(ChangeRequest) },
    answers: { 200: { description: 'It is unloaded.' } },
  },
];

/** Paths below that of a model; each of them exists with a version, too. */
const OF_MODEL: readonly Operation[] = [
  {
    method: 'get',
    path: '',
    id: 'model',
    tag: 'Models',
    summary: 'Metadata of a model: inputs, outputs, versions.',
    answers: { 200: answered(ModelMetadata) },
  },
  {
    method: 'get',
    path: '/ready',
    id: 'modelReady',
    tag: 'Health',
    summary: 'Whether a model answers.',
    answers: { 200: answered(ModelReady, 'It does.'), 503: answered(ModelReady, 'It does not.') },
  },
  {
    method: 'get',
    path: '/config',
    id: 'modelConfiguration',
    tag: 'Models',
    summary: "How a model is served, in the words of Triton's model configuration.",
    answers: { 200: answered(ModelConfiguration) },
  },
  {
    method: 'get',
    path: '/stats',
    id: 'statistics',
    tag: 'Models',
    summary: "Counts and times of a model, as in Triton's statistics extension.",
    answers: { 200: answered(Statistics) },
  },
  {
    method: 'post',
    path: '/infer',
    id: 'infer',
    tag: 'Inference',
    summary: 'An inference.',
    body: {
      isRequired: true,
      content: [
        { kind: 'json', schema: InferRequest },
        { kind: 'binary tensors', schema: InferRequest },
      ],
    },
    answers: {
      200: {
        description: 'The outputs. Those that were asked for as binary data stand behind the JSON.',
        content: [
          { kind: 'json', schema: InferResponse },
          { kind: 'binary tensors', schema: InferResponse },
        ],
      },
    },
  },
  {
    method: 'get',
    path: '/pruning',
    id: 'pruning',
    tag: 'Pruning',
    summary: 'Everything about the pruning of a model.',
    answers: { 200: answered(PruningReport) },
  },
  {
    method: 'put',
    path: '/pruning',
    id: 'changePruning',
    tag: 'Pruning',
    summary: 'Changes the mode of a model, at once.',
    isControl: true,
    body: { isRequired: true, content: json(Change) },
    answers: { 200: answered(ChangedReport, 'The report after the change.') },
  },
  {
    method: 'post',
    path: '/pruning/last-good',
    id: 'goBack',
    tag: 'Pruning',
    summary:
      'Fixes the last threshold that was proven and had all of production, below the present one; 409 where there is none.',
    isControl: true,
    body: { isRequired: false, content: json(Back) },
    answers: { 200: answered(ChangedReport, 'The report after the change.') },
  },
  {
    method: 'get',
    path: '/pruning/history',
    id: 'pruningHistory',
    tag: 'Pruning',
    summary: 'The latest 200 changes of state, oldest first.',
    answers: { 200: answered(PruningHistory) },
  },
  {
    method: 'get',
    path: '/pruning/activations',
    id: 'pruningActivations',
    tag: 'Pruning',
    summary: 'How activations are distributed at every site, now and when the threshold was searched.',
    answers: { 200: answered(PruningActivations) },
  },
  {
    method: 'get',
    path: '/pruning/events',
    id: 'pruningEvents',
    tag: 'Pruning',
    summary: 'The present state, then every change of it, as server-sent events.',
    answers: {
      200: { description: 'Events `pruning`.', content: [{ kind: 'events', data: PruningSummary }] },
    },
  },
  {
    method: 'get',
    path: '/pruning/inputs',
    id: 'keptInputs',
    tag: 'Pruning',
    summary: 'Inputs of the requests that are kept; only with `sampling.allowRecord`.',
    isControl: true,
    query: {
      from: { description: 'Number of the first request; 0.', schema: z.int().min(0) },
      limit: { description: 'Most requests; 1000.', schema: z.int().min(1).max(1000) },
    },
    answers: {
      200: {
        description: 'An `.npz` file: input `x` of request 7 is the array `7/x`.',
        content: [{ kind: 'bytes', types: ['application/zip'] }],
      },
    },
  },
];

/** All that a server answers, without the console. */
export const OPERATIONS: readonly Operation[] = [
  ...OF_SERVER,
  ...OF_MODEL.flatMap((operation) => [
    { ...operation, path: `/v2/models/{model}${operation.path}` },
    {
      ...operation,
      id: `${operation.id}OfVersion`,
      path: `/v2/models/{model}/versions/{version}${operation.path}`,
    },
  ]),
];
