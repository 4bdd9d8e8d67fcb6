import { z } from 'zod';
import { CRITICAL_POINT_DEFAULTS } from './critical-point.ts';
import { ServingError } from './errors.ts';
import { MODES } from './modes.ts';

const share = z.number().min(0).max(1);
const positive = z.number().positive();
const count = z.number().int().positive();
const port = z.number().int().min(0).max(65535);
const token = z
  .string()
  .regex(/^[!-~]+$/, 'expected printable ASCII without spaces, as a header can carry')
  .min(8);

/** Every setting, with the sentence that documents it. File < environment < flags. */
export const ConfigSchema = z.strictObject({
  model: z
    .strictObject({
      path: z.string().min(1).optional().describe('ONNX file; without one, the bundled Fashion-MNIST CNN'),
      name: z.string().min(1).optional().describe('name in URLs and metrics; by default the file name'),
      version: z.string().regex(/^\d+$/).default('1').describe('version in URLs'),
      repository: z
        .string()
        .min(1)
        .optional()
        .describe('folder of models, `name/version/model.onnx`, instead of one file'),
      versions: z
        .enum(['latest', 'all'])
        .default('latest')
        .describe('which versions of a model of a repository are served: the newest that loads, or all'),
      pollSeconds: z
        .number()
        .min(0)
        .max(86_400)
        .default(0)
        .describe('how often files are looked at for changes, which are then loaded; 0: only when told to'),
      readiness: z
        .enum(['any', 'all'])
        .default('any')
        .describe('`/v2/health/ready` wants any model ready, so that one bad model stops no other, or all'),
    })
    .prefault({}),
  server: z
    .strictObject({
      host: z.string().default('127.0.0.1').describe('address to listen on'),
      port: port.default(8080).describe('HTTP port; 0 picks a free one'),
      grpcPort: port.optional().describe('gRPC port; 0 picks a free one; by default no gRPC'),
      maxBodyBytes: count.default(64 << 20).describe('largest request body, after decompression'),
      maxBatch: count.optional().describe('largest first dimension of an input; by default unlimited'),
      headerSeconds: positive
        .max(3600)
        .default(10)
        .describe('how long a client may take to send the headers of a request'),
      requestSeconds: positive
        .max(86_400)
        .default(60)
        .describe('how long a client may take to send a whole request'),
      stallSeconds: positive
        .max(86_400)
        .default(60)
        .describe('how long a client may leave its answer unread'),
      drainSeconds: positive
        .max(86_400)
        .default(30)
        .describe('how long in-flight requests may take after SIGTERM'),
      token: token
        .optional()
        .describe('bearer token or API key of everything but health and the console page; without one, open'),
    })
    .prefault({}),
  runtime: z
    .strictObject({
      workers: count
        .optional()
        .describe(
          'worker threads of each model, each with its own sessions; by default one less than there are cores, shared among the models',
        ),
      intraOpThreads: count.default(1).describe('threads inside one run'),
      gates: z
        .enum(['baked', 'live'])
        .default('baked')
        .describe(
          'baked: a threshold that stays is built into the sessions in the background, which is faster',
        ),
      maxQueue: count
        .optional()
        .describe(
          'requests that may wait; more are answered 503; by default 256 per worker or 100 ms of them, 64 when that is less or lasts',
        ),
      maxQueueMs: positive
        .default(400)
        .describe(
          'longest wait that a request is let into, as predicted; beyond it requests are answered 503',
        ),
      maxShadowQueue: count.default(64).describe('shadow runs that may wait; more are dropped'),
    })
    .prefault({}),
  batching: z
    .strictObject({
      maxBatch: count
        .default(1)
        .describe('rows that concurrent requests of one shape may fill together in one run; 1: never'),
      maxDelayMs: z
        .number()
        .int()
        .min(0)
        .max(10_000)
        .default(0)
        .describe('how long a request waits for others although a worker is free'),
    })
    .prefault({}),
  sites: z
    .strictObject({
      scheme: z
        .enum(['activations', 'linear-inputs'])
        .default('activations')
        .describe('which tensors are gated'),
      include: z.array(z.string()).optional().describe('globs: only sites with these names'),
      exclude: z.array(z.string()).optional().describe('globs: never sites with these names'),
    })
    .prefault({}),
  sampling: z
    .strictObject({
      ratio: share
        .default(0.2)
        .describe(
          'share of requests that are run again in the shadow, as far as the budget goes; while something is to be found out, all',
        ),
      budget: share
        .default(0.02)
        .describe(
          'largest share of the workers, and of the serving thread, for a model’s shadow runs; what is unspent is saved, for half a minute, for answers that look odd',
        ),
      unverifiedRequests: count
        .default(1000)
        .describe(
          'pruned answers in a row without one that was compared, after which all are dense, if that also took unverifiedSeconds',
        ),
      unverifiedSeconds: positive
        .default(60)
        .describe('how long that takes at least: few requests an hour are no reason to doubt them'),
    })
    .prefault({}),
  window: z
    .strictObject({
      slices: z.number().int().min(4).default(16).describe('slices of the rolling window'),
      sliceSamples: count.default(16).describe('sampled requests per slice'),
      maxAgeSeconds: positive.default(86_400).describe('slices older than this are forgotten'),
      minSamples: count.default(240).describe('sampled requests before a critical point is read'),
      every: count.default(16).describe('sampled requests between two estimates'),
    })
    .prefault({}),
  criticality: z
    .strictObject({
      rule: z
        .enum(['significant', 'paper'])
        .default('significant')
        .describe('earliest significant feature, or the plain rule of the paper on a linear grid'),
      temperature: z
        .enum(['normalized', 'paper'])
        .default('normalized')
        .describe('T = (mean magnitude)/τ, or 1/τ'),
      minProminence: share
        .default(CRITICAL_POINT_DEFAULTS.minProminence)
        .describe('least prominence of a feature, as a share of the range of F'),
      minStandardErrors: z
        .number()
        .min(0)
        .default(CRITICAL_POINT_DEFAULTS.minStandardErrors)
        .describe('least prominence in standard errors'),
      inflections: z
        .boolean()
        .default(CRITICAL_POINT_DEFAULTS.inflections)
        .describe('whether inflections count where F has no extremum'),
    })
    .prefault({}),
  drift: z
    .strictObject({
      runLength: z
        .number()
        .min(1000)
        .default(10_000_000)
        .describe('sampled requests between two false alarms of drift, on average'),
      recentSlices: count
        .default(4)
        .describe('slices that the average compared with the reference remembers, about'),
    })
    .prefault({}),
  agreement: z
    .strictObject({
      floor: z
        .number()
        .gt(0)
        .lt(1)
        .default(0.99)
        .describe('the objective: 1 − the mean loss of pruned answers against the dense model'),
      measure: z
        .enum(['auto', 'top1', 'margin', 'relative', 'cosine'])
        .default('auto')
        .describe(
          'what an answer loses when it differs: margin for class scores, relative error for the rest',
        ),
      output: z.string().optional().describe('output to compare; by default the first floating-point one'),
      tolerance: positive.default(0.1).describe('answers agree when their relative error is at most this'),
      cosineTolerance: positive.default(0.01).describe('answers agree when 1 − cosine is at most this'),
      alpha: z
        .number()
        .gt(0)
        .lt(0.5)
        .default(0.01)
        .describe('probability that a search accepts a threshold below the floor'),
      alarmRunLength: positive
        .default(2000)
        .describe('sampled requests between two false alarms of the guard, on average at least'),
      trialSamples: count
        .default(12_000)
        .describe('sampled requests before an unproven candidate is given up; fewer while nothing is proven'),
      cooldownSamples: count.default(512).describe('sampled requests in dense after a disagreement'),
    })
    .prefault({}),
  control: z
    .strictObject({
      mode: z
        .enum(MODES as ['auto', 'fixed', 'observe', 'off'])
        .default('auto')
        .describe('auto, fixed, observe or off'),
      threshold: z.number().min(0).optional().describe('threshold of mode fixed'),
      policy: z
        .enum(['guarded', 'earliest'])
        .default('guarded')
        .describe('climb as far as agreement is proven, or stay at the critical point'),
      rampSamples: count
        .default(16)
        .describe(
          'sampled requests compared of the first 1, 5 and 25 % of production before a threshold gets all of it',
        ),
      token: token.optional().describe('bearer token of the control API; without one, loopback only'),
    })
    .prefault({}),
  store: z
    .strictObject({
      enabled: z
        .boolean()
        .optional()
        .describe(
          'keep state over restarts and an audit log; by default the command does, the library does not',
        ),
      folder: z
        .string()
        .min(1)
        .optional()
        .describe('where; by default $XDG_STATE_HOME/taustat, else ~/.local/state/taustat'),
      maxAgeSeconds: positive
        .default(86_400)
        .describe('kept evidence older than this is not relied on; the mode that an operator chose is'),
      keepDays: z
        .number()
        .min(0)
        .default(90)
        .describe(
          'evidence and audit logs that nothing was written to for so long are removed at the start; 0: never',
        ),
    })
    .prefault({}),
  telemetry: z
    .strictObject({
      logLevel: z
        .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'])
        .default('info')
        .describe('log level'),
      openMetrics: z
        .boolean()
        .default(false)
        .describe('`/metrics` needs no token although everything else does'),
    })
    .prefault({}),
});

export type Config = z.output<typeof ConfigSchema>;
export type ConfigInput = z.input<typeof ConfigSchema>;

/** Checks settings and fills in defaults. @throws ServingError CONFIG_INVALID */
export function parseConfig(input: unknown): Config {
  const result = ConfigSchema.safeParse(input);
  if (!result.success) throw new ServingError('CONFIG_INVALID', issuesOf(result.error));
  const { mode, threshold } = result.data.control;
  const { path, name, repository } = result.data.model;
  if (repository !== undefined && (path ?? name) !== undefined) {
    const what =
      path === undefined ? `a name (model.name, '${name}')` : `a model file (model.path, '${path}')`;
    throw new ServingError('CONFIG_INVALID', `model.repository: ${what} is given too; choose one`);
  }
  if (mode === 'fixed' && threshold === undefined) {
    throw new ServingError('CONFIG_INVALID', 'control.threshold: mode fixed needs a threshold');
  }
  return result.data;
}

function issuesOf(error: z.ZodError): string {
  return error.issues
    .map((issue) => {
      const where = issue.path.join('.');
      return where === '' ? issue.message : `${where}: ${issue.message}`;
    })
    .join('; ');
}
