import { z } from 'zod';
import { CRITICAL_POINT_DEFAULTS } from './critical-point.ts';
import { ServingError } from './errors.ts';
import { MODES } from './modes.ts';
import { kindOf, sectionProblems } from './sections.ts';
import { DEFAULT_SCHEME, SITE_SCHEMES } from './site-schemes.ts';

const share = z.number().min(0).max(1);
const positive = z.number().positive();
const count = z.number().int().positive();
const port = z.number().int().min(0).max(65535);
const token = z
  .string()
  .regex(/^[!-~]+$/, 'expected printable ASCII without spaces, as a header can carry')
  .min(8);

/** Every setting with its documentation. Flags override the environment, which overrides the file. */
export const ConfigSchema = z.strictObject({
  model: z
    .strictObject({
      path: z
        .string()
        .min(1)
        .optional()
        .describe('ONNX file to serve. Default: the bundled Fashion-MNIST CNN.'),
      name: z
        .string()
        .min(1)
        .optional()
        .describe('Name of the model in URLs and metrics. Default: the name of the file.'),
      version: z.string().regex(/^\d+$/).default('1').describe('Version of the model in URLs.'),
      repository: z
        .string()
        .min(1)
        .optional()
        .describe('Folder of models to serve instead of one file, laid out as `name/version/model.onnx`.'),
      versions: z
        .enum(['latest', 'all'])
        .default('latest')
        .describe(
          'Versions served of each model in a repository: `latest`, the newest that loads, or `all`.',
        ),
      pollSeconds: z
        .number()
        .min(0)
        .max(86_400)
        .default(0)
        .describe(
          'Seconds between two checks of a repository for changed files; changed models are loaded. 0: only on request.',
        ),
      readiness: z
        .enum(['any', 'all'])
        .default('any')
        .describe(
          'Models that must be ready for `/v2/health/ready` to answer 200: `any` one of them, or `all`.',
        ),
    })
    .prefault({}),
  upstream: z
    .strictObject({
      url: z
        .string()
        .regex(/^(https?|grpcs?):\/\/\S+$/i, 'expected http://host:port or grpc://host:port')
        .optional()
        .describe(
          'Server of the Open Inference Protocol v2 that runs the models, instead of this one: `http://host:port` or `grpc://host:port`, `https` and `grpcs` with TLS.',
        ),
      models: z
        .array(
          z.strictObject({
            name: z.string().min(1),
            instrumented: z.string().min(1).optional(),
            statistics: z.string().min(1).optional(),
            description: z.string().min(1).optional(),
          }),
        )
        .default([])
        .describe(
          'Models of the upstream server. Each has a `name`; the name of the `instrumented` model beside it, without which answers are never pruned; of the model for `statistics`, where the instrumented one does not show its activations; and, where the server does not tell its sites, the `description`: the file `taustat.json` or the instrumented ONNX file.',
        ),
      passThroughUrl: z
        .string()
        .regex(/^(https?|grpcs?):\/\/\S+$/i, 'expected http://host:port or grpc://host:port')
        .optional()
        .describe(
          'Address of the upstream server in its other protocol, for requests that are passed through. Default: only those of the protocol of `upstream.url` are.',
        ),
      forwardHeaders: z
        .array(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'expected the name of a header'))
        .default(['traceparent', 'tracestate', 'x-request-id'])
        .describe(
          'Headers of a request that are passed on to the upstream server; add `authorization` where it checks it.',
        ),
      token: token
        .optional()
        .describe(
          'Bearer token for the upstream server, sent with every request that brings no `authorization` of its own to pass on.',
        ),
      maxConcurrent: count
        .default(64)
        .describe('Most requests of each model that are under way at the upstream server; more wait here.'),
    })
    .prefault({}),
  server: z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe('Address to listen on; IPv6 with or without brackets.'),
      port: port.default(8080).describe('HTTP port. 0: a free one.'),
      grpcPort: port.optional().describe('gRPC port. 0: a free one. Default: no gRPC.'),
      processes: z
        .union([count.max(1024), z.literal('auto')], 'expected a number of processes from 1 to 1024, or auto')
        .default(1)
        .describe(
          'Processes that serve together on the same ports, with one controller for all; `taustat serve` alone knows more than one. `auto`: half as many as there are cores.',
        ),
      maxBodyBytes: count.default(64 << 20).describe('Largest request body in bytes, after decompression.'),
      maxBufferedBytes: count
        .optional()
        .describe(
          'Most memory in bytes that all request bodies together may take, from their first byte to their answer; beyond it requests are answered 503. Default: a quarter of the memory of the machine or its control group, at most 1 GiB.',
        ),
      maxConnections: count
        .default(10_000)
        .describe('Most open connections, for HTTP and gRPC each; one more is answered 503 and closed.'),
      maxEventStreams: count
        .default(256)
        .describe('Most open streams of `…/pruning/events`; one more is answered 503.'),
      maxBatch: count
        .optional()
        .describe('Most rows in one request (first dimension of its inputs). Default: unlimited.'),
      headerSeconds: positive
        .max(3600)
        .default(10)
        .describe('Longest time in seconds to receive the headers of a request.'),
      requestSeconds: positive
        .max(86_400)
        .default(60)
        .describe('Longest time in seconds to receive a whole request.'),
      stallSeconds: positive
        .max(86_400)
        .default(60)
        .describe(
          'Longest time in seconds that a client may leave an answer unread; after it the connection is closed.',
        ),
      drainSeconds: positive
        .max(86_400)
        .default(30)
        .describe('Longest time in seconds that requests under way get to finish after SIGTERM.'),
      corsOrigins: z
        .array(z.string().regex(/^https?:\/\/[^/\s]+$/, 'expected an origin, such as https://app.example'))
        .default([])
        .describe('Origins of web pages that may read answers (CORS). Default: none.'),
      token: token
        .optional()
        .describe(
          'Bearer token or API key needed for everything except the health endpoints and the console page. Default: none is needed.',
        ),
    })
    .prefault({}),
  runtime: z
    .strictObject({
      workers: count
        .optional()
        .describe(
          'Worker threads per model; each holds a copy of the model. Default: one less than the number of cores, divided among the models, at least 1.',
        ),
      intraOpThreads: count.default(1).describe('Threads that ONNX Runtime uses inside one run.'),
      gates: z
        .enum(['auto', 'mask', 'live'])
        .default('auto')
        .describe(
          'How pruned answers are computed. `auto`: with operators that skip zeros, if measurements on sampled requests show that they save time; else production stays dense. `mask`: with gates that set activations to zero and save no time; the threshold is a constant of the model, prepared in the background. `live`: with the same gates; the threshold is an input of the model.',
        ),
      kernels: z
        .enum(['auto', 'avx512', 'avx2', 'neon', 'portable', 'off'])
        .default('auto')
        .describe(
          'Instruction set of the operators of `gates: auto`. `auto`: the best of this processor. `off`: no such operators; `gates: auto` stays dense and every run is done by onnxruntime-node.',
        ),
      maxQueue: count
        .optional()
        .describe(
          'Most requests that may wait; more are answered 503. Default: as many as run in 100 ms, at least 64 and at most 256 per worker; during overload, as many as run in 5 ms.',
        ),
      maxQueueMs: positive
        .default(400)
        .describe(
          'Longest predicted wait of a request in milliseconds; a request that would wait longer is answered 503.',
        ),
      maxRunSeconds: positive
        .max(86_400)
        .default(300)
        .describe(
          'Longest time in seconds that one run of a model may take. A longer run is stopped; where onnxruntime-node runs it, which cannot be stopped, the worker is replaced.',
        ),
      maxShadowQueue: count.default(64).describe('Most shadow runs that may wait; more are dropped.'),
    })
    .prefault({}),
  batching: z
    .strictObject({
      maxBatch: count
        .default(1)
        .describe(
          'Most rows of one run that concurrent requests of the same shape share. 1: requests never share a run.',
        ),
      maxDelayMs: z
        .number()
        .int()
        .min(0)
        .max(10_000)
        .default(0)
        .describe(
          'Longest time in milliseconds that a request waits for others to share its run although a worker is free.',
        ),
    })
    .prefault({}),
  sites: z
    .strictObject({
      scheme: z
        .enum(SITE_SCHEMES)
        .default(DEFAULT_SCHEME)
        .describe(
          'Tensors that are pruned: `activations`, the outputs of nonlinearities; `linear-inputs`, the inputs of linear layers; `auto`, the activations whose zeros a linear layer could skip, and those inputs of linear layers that come from a normalisation.',
        ),
      include: z
        .array(z.string())
        .optional()
        .describe('Glob patterns; only sites with matching names are pruned. Default: all sites.'),
      exclude: z
        .array(z.string())
        .optional()
        .describe('Glob patterns; sites with matching names are never pruned. Default: none.'),
    })
    .prefault({}),
  sampling: z
    .strictObject({
      ratio: share
        .default(0.2)
        .describe(
          'Share of requests, 0–1, that are sampled for shadow runs, within `sampling.budget`. While evidence is urgently needed, any request may be sampled.',
        ),
      budget: share
        .default(0.02)
        .describe(
          'Largest share, 0–1, of the time of the workers and of the serving thread that shadow runs may take. Up to 30 s of unused budget are saved for suspicious answers.',
        ),
      searchBudget: share
        .default(0.5)
        .describe(
          'Largest share, 0–1, of otherwise idle time that the search for a threshold may use: a worker waits for work, and a processor is free.',
        ),
      searchInputs: z
        .number()
        .int()
        .min(1000)
        .default(40_000)
        .describe(
          'Kept requests that a threshold is tested on in idle time, at most. Tests that are not through by then, or would not be after as many more, go on within `sampling.budget`.',
        ),
      keepInputsBytes: z
        .number()
        .int()
        .min(0)
        .default(64 * 2 ** 20)
        .describe(
          'Memory in bytes for requests that are kept with their dense answers, so that all thresholds are tested on the same ones; the server never writes them to disk. 0: none are kept, and thresholds are tested one after another on live requests.',
        ),
      allowRecord: z
        .boolean()
        .default(false)
        .describe(
          'Lets callers with control access read the inputs of kept requests, as `taustat record` does. These are data of clients.',
        ),
      sequenceHeader: z
        .string()
        .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'expected the name of a header')
        .optional()
        .describe(
          'Header, or entry of gRPC metadata, whose value names the stream that a request is of, where it has no parameter `sequence_id`. Requests of one stream that resemble each other count as one. Default: none.',
        ),
      unverifiedRequests: count
        .default(1000)
        .describe(
          'Consecutive pruned answers without a comparison after which all answers are dense, if `sampling.unverifiedSeconds` have passed too.',
        ),
      unverifiedSeconds: positive
        .default(60)
        .describe(
          'Least time in seconds without a comparison before all answers are dense, so that bursts of requests alone do not cause it.',
        ),
    })
    .prefault({}),
  window: z
    .strictObject({
      slices: z.number().int().min(4).default(16).describe('Slices in the rolling window.'),
      sliceSamples: count.default(16).describe('Sampled requests per slice.'),
      maxAgeSeconds: positive.default(86_400).describe('Age in seconds at which a slice is dropped.'),
      minSamples: count
        .default(240)
        .describe('Sampled requests that the window needs before a critical point is computed.'),
      every: count.default(16).describe('Sampled requests between two estimates of the critical point.'),
    })
    .prefault({}),
  criticality: z
    .strictObject({
      rule: z
        .enum(['significant', 'paper'])
        .default('significant')
        .describe(
          'How the critical point is chosen: `significant`, the earliest significant feature of F, or `paper`, the plain rule of the paper on a linear grid.',
        ),
      temperature: z
        .enum(['normalized', 'paper'])
        .default('normalized')
        .describe(
          'Temperature in F: `normalized`, (mean magnitude)/τ, which does not depend on the scale of the activations, or `paper`, 1/τ.',
        ),
      minProminence: share
        .default(CRITICAL_POINT_DEFAULTS.minProminence)
        .describe('Least prominence of a feature, as a share of the range of F where β is 0.1 or more.'),
      minStandardErrors: z
        .number()
        .min(0)
        .default(CRITICAL_POINT_DEFAULTS.minStandardErrors)
        .describe('Least prominence of a feature, in standard errors of F.'),
      inflections: z
        .boolean()
        .default(CRITICAL_POINT_DEFAULTS.inflections)
        .describe('Counts inflections as features where F has no extremum.'),
    })
    .prefault({}),
  drift: z
    .strictObject({
      runLength: z
        .number()
        .min(1000)
        .default(10_000_000)
        .describe('Mean number of sampled requests between two false alarms of drift.'),
      recentSlices: count
        .default(4)
        .describe('Number of recent slices whose average is compared with the reference.'),
    })
    .prefault({}),
  agreement: z
    .strictObject({
      floor: z
        .number()
        .gt(0)
        .lt(1)
        .default(0.99)
        .describe('Objective: 1 − the largest mean loss of pruned answers against the dense model.'),
      measure: z
        .enum(['auto', 'top1', 'margin', 'relative', 'cosine'])
        .default('auto')
        .describe(
          'How the loss of an answer is measured. `auto` chooses by the kind of output, as its dense answers show: `margin` for class scores, `cosine` for unit vectors, the error relative to the spread of the output for all else.',
        ),
      output: z
        .string()
        .optional()
        .describe(
          'Name of the output that is compared. Default: all outputs; the one with the largest loss counts.',
        ),
      allowVacuous: z
        .boolean()
        .default(false)
        .describe(
          'Prunes even if the measure cannot tell good answers from bad ones, or can refute no candidate.',
        ),
      tolerance: positive
        .default(0.1)
        .describe(
          'Largest error at which two answers agree, relative to the answer or to the spread of the output.',
        ),
      cosineTolerance: positive
        .default(0.01)
        .describe('Largest 1 − cosine at which two answers agree, for the measure `cosine`.'),
      alpha: z
        .number()
        .gt(0)
        .lt(0.5)
        .default(0.01)
        .describe('Largest probability that a search accepts a threshold that misses the objective.'),
      alarmRunLength: positive
        .default(2000)
        .describe('Least mean number of comparisons between two false alarms of the guard.'),
      trialSamples: count
        .default(12_000)
        .describe(
          'Comparisons after which an unproven candidate is dropped; fewer for the first candidate, while no threshold is proven.',
        ),
      cooldownSamples: count
        .default(512)
        .describe(
          'Sampled requests for which answers stay dense after a disagreement; doubled at each further disagreement.',
        ),
    })
    .prefault({}),
  control: z
    .strictObject({
      mode: z
        .enum(MODES as ['auto', 'fixed', 'observe', 'off'])
        .default('auto')
        .describe(
          'Who sets the threshold. `auto`: the controller. `fixed`: the operator. `observe`: nobody; thresholds are measured, answers are dense. `off`: nobody; the plain model without sampling.',
        ),
      threshold: z.number().min(0).optional().describe('Threshold τ ≥ 0 for mode `fixed`.'),
      policy: z
        .enum(['guarded', 'earliest'])
        .default('guarded')
        .describe(
          'How far the threshold rises. `guarded`: as far as the objective is proven to hold. `earliest`: to the critical point at most.',
        ),
      rampSamples: count
        .default(16)
        .describe(
          'Comparisons of answers from production at each exposure of 1, 5 and 25 % before the next.',
        ),
      token: token
        .optional()
        .describe(
          'Allows changes only to callers with this control token. Default: only to callers on this machine.',
        ),
    })
    .prefault({}),
  store: z
    .strictObject({
      enabled: z
        .boolean()
        .optional()
        .describe(
          'Keeps state over restarts, and an audit log. Default: true for the command, false for the library.',
        ),
      folder: z
        .string()
        .min(1)
        .optional()
        .describe(
          'Folder of state and audit logs. Default: `$XDG_STATE_HOME/taustat`, else `~/.local/state/taustat`.',
        ),
      maxAgeSeconds: positive
        .default(86_400)
        .describe(
          'Age in seconds beyond which stored evidence is not used. An operator’s choice of mode has no such limit.',
        ),
      keepDays: z
        .number()
        .min(0)
        .default(90)
        .describe(
          'Days without a write after which evidence and audit logs are removed, at a server’s start. 0: never.',
        ),
      url: z
        .string()
        .regex(/^rediss?:\/\/[^/\s]/, 'expected redis://host:port or rediss://host:port')
        .optional()
        .describe(
          'Address of a Redis or Valkey server, `redis://` or `rediss://`, through which replicas of a model learn one threshold together. Default: none, the server is by itself.',
        ),
      leaseSeconds: positive
        .max(3600)
        .default(10)
        .describe(
          'Longest time in seconds that a replica decides for all without a sign of life; then another does.',
        ),
      denseAfterSeconds: positive
        .max(86_400)
        .default(60)
        .describe(
          'Longest time in seconds that a replica stays pruned while it cannot reach the shared store, or no replica decides.',
        ),
    })
    .prefault({}),
  telemetry: z
    .strictObject({
      logLevel: z
        .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'])
        .default('info')
        .describe('Lowest level of messages in the log.'),
      logFormat: z
        .enum(['auto', 'json', 'text'])
        .default('auto')
        .describe(
          'Form of the log: `json`, one object per line; `text`, for people; `auto`, text on a terminal and JSON everywhere else.',
        ),
      openMetrics: z
        .boolean()
        .default(false)
        .describe('Serves `/metrics` without a token even if `server.token` is set.'),
    })
    .prefault({}),
});

/** All settings, with the defaults filled in. */
export type Config = z.output<typeof ConfigSchema>;
/** Settings as they are given, by section: see docs/configuration.md. Everything has a default. */
export type ConfigInput = z.input<typeof ConfigSchema>;

/** Checks settings and fills in defaults. @throws ServingError CONFIG_INVALID */
export function parseConfig(input: unknown): Config {
  const config = checkedSettings(input, '');
  const { mode, threshold } = config.control;
  const { path, name, repository } = config.model;
  if (repository !== undefined && (path ?? name) !== undefined) {
    const what =
      path === undefined ? `a name (model.name, '${name}')` : `a model file (model.path, '${path}')`;
    throw new ServingError('CONFIG_INVALID', `model.repository: ${what} is given too; choose one`);
  }
  checkUpstream(config);
  if (mode === 'fixed' && threshold === undefined) {
    throw new ServingError('CONFIG_INVALID', 'control.threshold: mode fixed needs a threshold');
  }
  return config;
}

/** @throws ServingError CONFIG_INVALID */
function checkUpstream({ upstream, model }: Config): void {
  const invalid = (message: string) => new ServingError('CONFIG_INVALID', message);
  const { url, models } = upstream;
  if (url === undefined) {
    if (models.length === 0 && upstream.passThroughUrl === undefined) return;
    throw invalid('upstream.url: missing; the other settings of upstream need the address of the server');
  }
  if (models.length === 0)
    throw invalid('upstream.models: no model is named; give --model, or names in the config file');
  const { path, repository } = model;
  if ((path ?? repository) !== undefined)
    throw invalid(`upstream.url: models of files are given too ('${path ?? repository}'); choose one`);
  if (model.name !== undefined)
    throw invalid('model.name: models of an upstream server have its names; give --model');
  const names = new Set<string>();
  for (const { name, instrumented, statistics } of models) {
    if (names.has(name)) throw invalid(`upstream.models: '${name}' is named twice`);
    if (name === instrumented)
      throw invalid(`upstream.models: '${name}' is named as the plain and as the instrumented model`);
    if (statistics !== undefined && instrumented === undefined)
      throw invalid(`upstream.models: '${name}' has a model for statistics and none that prunes`);
    names.add(name);
  }
}

/**
 * Checks the settings of one source before they are merged, so that nothing wrong is silently dropped by merging.
 *
 * @param source - begins the error message, such as "config file 'a.yaml'".
 * @returns the settings with all defaults.
 * @throws ServingError CONFIG_INVALID naming source, section, what was found and what was expected.
 */
export function checkedSettings(input: unknown, source: string): Config {
  const problems = sectionProblems(input, Object.keys(ConfigSchema.shape));
  const result = problems.length > 0 ? undefined : ConfigSchema.safeParse(input, { reportInput: true });
  if (result?.success) return result.data;
  const prefix = source === '' ? '' : `${source}: `;
  const all = result === undefined ? problems : problemsOf(result.error);
  throw new ServingError('CONFIG_INVALID', `${prefix}${all.join('; ')}`);
}

/** The first problem of each setting; the others follow from it, such as a wrong type that is also too short. */
function problemsOf(error: z.ZodError): string[] {
  const first = new Map<string, z.core.$ZodIssue>();
  for (const issue of error.issues) {
    const where = issue.path.join('.');
    if (!first.has(where)) first.set(where, issue);
  }
  return Array.from(first.values(), problemOf);
}

function problemOf(issue: z.core.$ZodIssue): string {
  const where = issue.path.join('.');
  const what =
    issue.code === 'invalid_type' && issue.input !== undefined
      ? `found ${kindOf(issue.input)}, expected ${expectedKind(issue.expected)}`
      : issue.message;
  return where === '' ? what : `${where}: ${what}`;
}

/** The name, as in a config file, of a type of zod's. */
function expectedKind(type: string): string {
  return EXPECTED_KINDS[type] ?? type;
}

const EXPECTED_KINDS: Readonly<Record<string, string>> = {
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};
