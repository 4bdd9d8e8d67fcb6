// The bodies of the control API. The test of this folder holds them against the types of the reports.
import { z } from 'zod';
import { MODES, type Mode } from '../../../config/modes.ts';
import { STATE_NAMES, type StateName } from '../../../control/phases/state.ts';
import { components, known, share, time } from './components.ts';

const threshold = () => z.number().min(0);
const mode = () => z.enum(MODES as [Mode, ...Mode[]]);
const state = () => z.enum(STATE_NAMES as [StateName, ...StateName[]]);
const interval = () => z.tuple([z.number(), z.number()]);
const count = () => z.int().min(0);
const withheld = () => z.enum(['disagreement', 'failure', 'unverified', 'unshared']);

const Reason = z
  .enum([
    'operator',
    'critical-point',
    'pilot',
    'no-feature',
    'vacuous',
    'agreement-proven',
    'agreement-unproven',
    'ramped',
    'disagreement',
    'drift',
    'critical-point-moved',
    'failure',
    'unverified',
    'verified',
    'retry',
    'time',
    'unshared',
    'shared',
  ])
  .register(components, { id: 'ChangeReason' });

const Change = z.object({ at: time(), reason: Reason, detail: z.string() });
const Candidate = z.object({ threshold: threshold(), sparsity: share() });
const Speedup = z
  .object({ ratio: z.number(), low: z.number(), high: z.number() })
  .describe('Plain over pruned time of runs, and its 95 % interval.')
  .register(components, { id: 'Speedup' });

const Phase = z
  .union([
    z.object({ kind: z.enum(['warming', 'featureless', 'drifted']) }),
    z.object({
      kind: z.enum(['trial', 'tracking']),
      candidate: Candidate.nullable(),
      ladder: z.object({ rungs: count(), proven: z.int().min(-1), refuted: count() }),
      trial: Candidate.extend({ observations: count(), needed: z.number(), evidence: z.number() }).nullable(),
      share: share().optional(),
    }),
    z.object({ kind: z.literal('unverified'), candidate: Candidate.nullable(), compared: count() }),
    z.object({
      kind: z.literal('fallback'),
      reason: z.enum(['disagreement', 'failure']),
      samplesLeft: z.number(),
    }),
  ])
  .register(components, { id: 'Phase' });

const layer = { name: z.string(), op: z.string(), reason: z.string().optional() };
const Plan = z
  .union([
    z.object({ kind: z.literal('unmeasured') }),
    z.object({ kind: z.literal('impossible'), reason: z.string(), layers: z.array(z.object(layer)) }),
    z.object({
      kind: z.literal('measured'),
      threshold: threshold(),
      layers: z.array(z.object({ ...layer, isSparse: z.boolean() })),
      set: z.array(z.int()),
      gatedBy: z.array(z.enum(['maker', 'readers', 'mask', 'none'])),
      buckets: z.array(
        z.object({
          rows: count(),
          pays: z.boolean(),
          speedup: Speedup,
          plainMs: z.number(),
          sparseMs: z.number(),
        }),
      ),
    }),
  ])
  .describe('Which layers skip zeros, as whole runs were measured.')
  .register(components, { id: 'Plan' });

const Objective = z
  .object({
    measure: z.string(),
    floor: share(),
    outputs: z.array(
      z.object({
        name: z.string(),
        kind: z.enum([
          'class probabilities',
          'class scores',
          'unit vectors',
          'labels of their own',
          'values',
          'integers',
          'constant',
        ]),
        measure: z.enum(['top1', 'margin', 'relative', 'spread', 'cosine', 'exact']),
        isPerPosition: z.boolean(),
        spread: known(),
        replaced: known(),
        constant: known(),
      }),
    ),
    vacuous: z.boolean().nullable(),
    reason: z.string().nullable(),
  })
  .describe('How answers are judged.')
  .register(components, { id: 'Objective' });

/** The part of the report that every event carries. */
const summary = {
  mode: mode().describe('What the operator wants.'),
  upstream: z
    .object({
      url: z.string(),
      instrumented: z.string().nullable(),
      capability: z.enum(['plain', 'thresholds', 'full']),
      reason: z.string().nullable(),
      doubt: z.string().nullable(),
    })
    .nullable()
    .describe('The server that runs the model; null: it runs here.'),
  state: state().describe('What the controller does now.'),
  phase: Phase,
  threshold: threshold().describe(
    'What the largest pruned share of production runs at; 0: every answer is dense.',
  ),
  candidate: known(),
  exposure: share().describe('Share of production that is answered at the candidate.'),
  production: z
    .object({ threshold: threshold(), share: share(), rest: threshold() })
    .describe('`share` of the answers at `threshold`, the others at `rest`.'),
  judgedThreshold: threshold(),
  objective: Objective,
  critical: z
    .object({
      threshold: threshold(),
      sparsity: share(),
      feature: z.enum(['maximum', 'minimum', 'inflection']),
      interval: interval(),
    })
    .nullable()
    .describe('The critical point τ*, with the sparsity there.'),
  criticalMoved: z.boolean(),
  sparsity: known().describe('Share of nonzero activations that production sets to zero.'),
  candidateSparsity: known(),
  zeroRatio: known(),
  loss: z.object({
    mean: known(),
    lower: z.number(),
    upper: z.number(),
    allowed: z.number().describe('The largest mean loss that the objective allows.'),
  }),
  agreement: z.object({
    ratio: known(),
    lowerBound: z.number(),
    upperBound: z.number(),
    pairs: count(),
    loss: known(),
    kl: known(),
    cosine: known(),
  }),
  drift: z.object({ distance: z.number(), limit: z.number(), site: z.string().nullable() }).nullable(),
  streams: z.object({
    correlationTime: z.number(),
    blockRequests: z.number(),
    gathered: z.object({ requests: count(), of: count() }).nullable(),
  }),
  window: z.object({ samples: count(), capacity: count() }),
  speedup: Speedup.nullable(),
  macsSkipped: share().describe('Share of the work that is left out.'),
  plan: Plan.nullable(),
  search: z
    .object({
      stage: z.enum(['pilot', 'testing', 'resting']),
      next: Candidate.extend({ inputs: count(), inputsLeft: known(), secondsLeft: known() }).nullable(),
    })
    .nullable(),
  keptInputs: z.object({ inputs: count(), bytes: count() }),
  shadow: z.object({ ok: count(), dropped: count(), overBudget: count(), failed: count() }),
  lastGood: z
    .object({ threshold: known(), reason: z.string().nullable() })
    .describe('The threshold that `last-good` goes back to, or the reason why there is none.'),
  change: Change.describe('The last change of state.'),
};

export const PruningSummary = z.object(summary).register(components, { id: 'PruningSummary' });

export const PruningOverview = z
  .object({
    models: z.array(
      z.object({ model: z.string() }).extend(
        z.object(summary).pick({
          mode: true,
          state: true,
          threshold: true,
          candidate: true,
          exposure: true,
          production: true,
          sparsity: true,
          loss: true,
          speedup: true,
          search: true,
          change: true,
        }).shape,
      ),
    ),
  })
  .describe('A few members of the report of every model that answers.')
  .register(components, { id: 'PruningOverview' });

const Replicas = z
  .object({
    store: z.string(),
    problem: z.string().nullable(),
    id: z.string(),
    role: z.enum(['decides', 'follows', 'alone']),
    withheld: withheld().nullable(),
    decider: z.string().nullable(),
    revision: z.number(),
    areAlike: z.boolean(),
    refused: z.array(z.object({ what: z.string(), reason: z.string() })),
    members: z.array(
      z.object({
        id: z.string(),
        host: z.string().nullable(),
        version: z.string().nullable(),
        revision: known(),
        choice: known(),
        withheld: z.string().nullable(),
        apart: z.string().nullable().describe('Why it shares no evidence.'),
      }),
    ),
  })
  .describe('The servers that learn together, where they share a store.')
  .register(components, { id: 'Replicas' });

const report = {
  model: z.string(),
  ...summary,
  durable: z
    .boolean()
    .nullable()
    .describe('Whether the chosen mode outlives a restart; null: none was chosen.'),
  warning: z.string().optional(),
  thresholds: z.record(z.string(), threshold()).describe('By site.'),
  sites: z.array(z.object({ name: z.string(), op: z.string(), sparsity: known(), zeroRatio: known() })),
  skipped: z.array(z.object({ name: z.string(), op: z.string(), reason: z.string() })),
  features: z.array(
    z.object({
      kind: z.enum(['maximum', 'minimum', 'inflection', 'pole']),
      threshold: threshold(),
      sparsity: share(),
      prominence: z.number(),
      interval: interval(),
    }),
  ),
  curve: z
    .object({
      thresholds: z.array(threshold()),
      freeEnergy: z.array(known()),
      continuous: z.array(known()),
      internalEnergy: z.array(known()),
      sparsity: z.array(z.number()),
      scale: z.number(),
    })
    .nullable(),
  replicas: Replicas.optional(),
};

export const PruningReport = z.object(report).register(components, { id: 'PruningReport' });

export const ChangedReport = z
  .object({
    ...report,
    taken: z
      .object({
        taken: count(),
        of: count().nullable(),
        missing: z.array(z.string()),
        problem: z.string().optional(),
      })
      .optional()
      .describe('By how many replicas the choice was taken, where they share a store.'),
  })
  .register(components, { id: 'ChangedPruningReport' });

export const PruningHistory = z
  .object({
    model: z.string(),
    now: time(),
    changes: z.array(
      Change.extend({ state: state(), threshold: threshold(), candidate: known(), exposure: share() }),
    ),
  })
  .register(components, { id: 'PruningHistory' });

const Moment = z.object({ at: time(), samples: count() });
const Distribution = z
  .object({
    shares: z.array(share()).describe('In each bar.'),
    below: share().describe('Smaller than the first edge.'),
    belowThreshold: known().describe('Smaller than `threshold`.'),
    median: known(),
    zeroRatio: known().describe('Of all activations, those that are exactly zero.'),
  })
  .describe('How |a| is distributed at a site. Shares are of the nonzero activations.')
  .register(components, { id: 'Distribution' });

export const PruningActivations = z
  .object({
    model: z.string(),
    now: time(),
    threshold: known().describe(
      'The threshold in production, else the candidate, else the critical one; null: there is none.',
    ),
    current: Moment.nullable().describe('The window.'),
    reference: Moment.nullable().describe('The window that the latest search for a threshold began with.'),
    sites: z.array(
      z.object({
        name: z.string(),
        edges: z.array(z.number()).describe('Of the bars, in units of activation.'),
        current: Distribution.nullable(),
        reference: Distribution.nullable(),
      }),
    ),
  })
  .register(components, { id: 'PruningActivations' });
