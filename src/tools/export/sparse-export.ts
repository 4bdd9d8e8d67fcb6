import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { ServingError } from '../../config/errors.ts';
import type { BucketPlan } from '../../control/phases/kept-plan.ts';
import { withDefaultThreshold } from '../../onnx/default-threshold.ts';
import { type Description, describedBy } from '../../onnx/description.ts';
import { type GraphIndex, indexGraph } from '../../onnx/graph.ts';
import { rowPlaces } from '../../onnx/instrument.ts';
import { type DecodedModel, decodeModel, encodeModel, externalDataFiles } from '../../onnx/model-file.ts';
import { readRows } from '../../onnx/row-independence.ts';
import { type ModelSignature, modelSignature } from '../../onnx/signature.ts';
import { findSites, type SiteOptions } from '../../onnx/sites.ts';
import { softmaxOutputs } from '../../onnx/softmax-outputs.ts';
import { linearOperators, NO_ZEROS, type SparseOperator } from '../../onnx/sparse/operators.ts';
import { sparsify } from '../../onnx/sparse/sparsify.ts';
import { unbatchable } from '../../runtime/batching/batch.ts';
import { findKernels } from '../../runtime/local/kernels.ts';
import { type LoadedModel, loadModel, readModel } from '../../runtime/local/load-model.ts';
import type { LayerReport } from '../../runtime/local/plan-messages.ts';
import { widthOf } from '../../sparse/candidates.ts';
import { analyze } from '../analyze/analyze.ts';
import type { Progress } from '../analyze/options.ts';
import { measuredPlan } from '../doctor/measured-plan.ts';
import { recordedInputs } from '../inputs/recorded-inputs.ts';

export interface SparseExportOptions {
  readonly model: string;
  readonly sites: SiteOptions;
  /** `.npy` files, as `analyze` takes them. With them the layers are those that were fastest; without, all wide ones. */
  readonly inputs?: readonly string[] | undefined;
  /** τ; by default the critical one of the inputs. */
  readonly threshold?: number | undefined;
  /** For a server that taustat may stand in front of: thresholds per row, and histograms of each row where they are asked for. */
  readonly isForServer?: boolean;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** A model for other servers, whose layers skip zeros: operators of `ai.taustat`, τ as the default of an input. */
export interface SparseExport {
  readonly bytes: Uint8Array;
  /** Of the original. */
  readonly model: DecodedModel;
  readonly signature: ModelSignature;
  /** What a server is told, if the model is for one. */
  readonly server: ServerExport | undefined;
  /** Files beside the original that hold its weights. */
  readonly externalFiles: readonly string[];
  readonly threshold: number;
  /** Thresholds that the input takes. */
  readonly sites: number;
  /** Every linear layer; one without a reason skips zeros. */
  readonly layers: readonly LayerReport[];
  /** What was timed; none without inputs. */
  readonly buckets: readonly BucketPlan[];
}

/** Of a model for a server. */
export interface ServerExport {
  /** With what was added: thresholds and which rows are measured as optional inputs, histograms as the last output. */
  readonly signature: ModelSignature;
  readonly description: Description;
  /** Why thresholds are [S], the same for all rows, instead of [N, S]; undefined: they are per row. */
  readonly unbatchable: string | undefined;
}

/** Rows that the critical threshold is found on. */
const ROWS = 512;
/** Sizes of the requests that are timed. */
const BATCHES = [1, 16];
/** Layers that are taken where nothing is timed. Narrower ones rarely gain. */
const LEAST_WIDTH = 64;

/**
 * Sites that would need nodes of their own are left alone: such nodes cost time. For a server they are no sites at all.
 *
 * @throws ServingError FILE_NOT_FOUND, MODEL_INVALID without a site or a layer that can skip zeros, INVALID_REQUEST for inputs
 *   that do not fit, CONFIG_INVALID without inputs and threshold or for a negative one, UNAVAILABLE without kernels to time.
 */
export async function sparseExport(options: SparseExportOptions): Promise<SparseExport> {
  checkThreshold(options);
  const loaded = await loadModel(options.model, options.sites);
  const plain = await readModel(options.model);
  const model = decodeModel(plain);
  const index = indexGraph(model);
  const { sites } = findSites(model, options.sites);
  if (sites.length === 0) throw invalid(`nothing in '${basename(options.model)}' can be pruned`);
  const { sparse, dense } = linearOperators(model, index, sites);
  if (!sparse.some(({ hasZeros }) => hasZeros)) {
    const unable = sparse.map(({ name, op }) => ({ name, op, reason: NO_ZEROS }));
    throw invalid(`no layer can skip zeros: ${reasonsOf([...unable, ...dense])}`);
  }
  const threshold = options.threshold ?? (await criticalThreshold(options));
  const { isTaken, reason, buckets } =
    options.inputs === undefined
      ? {
          isTaken: sparse.map((layer) => layer.hasZeros && widthOf(layer) >= LEAST_WIDTH),
          reason: `narrower than ${LEAST_WIDTH}`,
          buckets: [],
        }
      : await timedLayers(options, loaded, threshold);
  const layers = [
    ...sparse.map(({ name, op, hasZeros }, i) => ({
      name,
      op,
      ...(isTaken[i] === true ? {} : { reason: hasZeros ? reason : NO_ZEROS }),
    })),
    ...dense,
  ];
  const chosen = sparse.filter((_, i) => isTaken[i]);
  if (chosen.length === 0) throw invalid(`no layer can skip zeros: ${reasonsOf(layers)}`);
  const common = {
    model,
    signature: loaded.signature,
    externalFiles: externalDataFiles(model),
    threshold,
    layers,
    buckets,
  };
  if (options.isForServer === true) {
    const made = madeForServer({ plain, model, index, options: options.sites, chosen, loaded });
    const count = made.description.sites.length;
    const bytes = withDefaultThreshold(made.bytes, threshold, count);
    const server = { ...made, signature: modelSignature(decodeModel(bytes), 'all') };
    return { ...common, bytes, sites: count, server };
  }
  const { bytes } = sparsify(model, sites, chosen, 'where-it-pays');
  return {
    ...common,
    bytes: withDefaultThreshold(bytes, threshold, sites.length),
    sites: sites.length,
    server: undefined,
  };
}

interface ForServerParts {
  readonly plain: Uint8Array;
  readonly model: DecodedModel;
  readonly index: GraphIndex;
  readonly options: SiteOptions;
  readonly chosen: readonly SparseOperator[];
  readonly loaded: LoadedModel;
}

/** What is measured there is what is pruned there: sites whose zeros nothing skips, and those whose rows are not apart, are none. */
function madeForServer({ plain, model, index, options, chosen, loaded }: ForServerParts) {
  const { meetings, axisOf } = readRows(model);
  const reason = unbatchable(loaded.signature, meetings);
  const server = { axisOf: reason === undefined ? axisOf : undefined };
  const places = reason === undefined ? rowPlaces(model).obstacle : () => undefined;
  const nodes = new Set(chosen.map(({ node }) => node));
  const written = (obstacle: (tensor: string) => string | undefined) => {
    const found = findSites(model, options, obstacle);
    const operators = linearOperators(model, index, found.sites).sparse.filter(({ node }) => nodes.has(node));
    return { ...found, ...sparsify(model, found.sites, operators, 'where-it-pays', server) };
  };
  const all = written(places);
  const gated = new Set(
    all.sites.flatMap(({ tensor, index: at }) => (all.gatedBy[at] === 'none' ? [] : [tensor])),
  );
  if (gated.size === 0)
    throw invalid('no layer skips the zeros of a gate that has a place of its own in each row');
  const { bytes, sites, skipped } = written(
    (tensor) => places(tensor) ?? (gated.has(tensor) ? undefined : 'no layer skips its zeros'),
  );
  const description: Description = {
    plain: createHash('sha256').update(plain).digest('hex'),
    sites: sites.map(({ name, op, isNonNegative, pole }) => ({ name, op, isNonNegative, pole })),
    skipped: [...skipped],
    softmaxOutputs: [...softmaxOutputs(model)],
  };
  const described = encodeModel(describedBy(decodeModel(bytes), description));
  return { bytes: described, description, unbatchable: reason };
}

function checkThreshold({ inputs, threshold }: SparseExportOptions): void {
  if (threshold === undefined && inputs === undefined)
    throw new ServingError(
      'CONFIG_INVALID',
      'no threshold: give --threshold, or --inputs x.npy to find the critical one',
    );
  if (threshold !== undefined && !(threshold >= 0))
    throw new ServingError('CONFIG_INVALID', `threshold ${threshold}: expected a number ≥ 0`);
}

/** 0 where the inputs show none: exact zeros are skipped all the same. */
async function criticalThreshold({ model, inputs, sites, onProgress }: SparseExportOptions): Promise<number> {
  const { critical } = await analyze({ model, inputs, sites, limit: ROWS, onProgress });
  return critical?.threshold ?? 0;
}

async function timedLayers({ inputs, sites }: SparseExportOptions, loaded: LoadedModel, threshold: number) {
  const kernels = await findKernels('auto');
  if (typeof kernels === 'object') throw new ServingError('UNAVAILABLE', kernels.reason);
  const rows = await recordedInputs(loaded.signature, { inputs });
  const plan = await measuredPlan({ loaded, sites, kernels, rows, threshold, batches: BATCHES });
  if (plan.kind !== 'measured')
    throw new ServingError(
      'UNAVAILABLE',
      `the layers were not timed: ${plan.kind === 'impossible' ? plan.reason : 'no request was run'}`,
    );
  return {
    isTaken: plan.layers.map(({ isSparse }) => isSparse),
    reason: 'faster dense here',
    buckets: plan.buckets,
  };
}

function reasonsOf(layers: readonly LayerReport[]): string {
  const reasons = new Set(layers.flatMap(({ reason }) => reason ?? []));
  return reasons.size === 0 ? 'the model has no linear layer' : [...reasons].join('; ');
}

function invalid(message: string): ServingError {
  return new ServingError('MODEL_INVALID', message);
}
