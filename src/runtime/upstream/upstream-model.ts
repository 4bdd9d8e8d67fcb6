import { createHash } from 'node:crypto';
import { ServingError } from '../../config/errors.ts';
import { DESCRIPTION_KEY, type Description, readDescription } from '../../onnx/description.ts';
import {
  HISTOGRAMS_OUTPUT,
  MEASURE_INPUT,
  RESERVED_PREFIX,
  THRESHOLD_INPUT,
  tapName,
} from '../../onnx/names.ts';
import type { Site } from '../../onnx/sites.ts';
import { formatShape } from '../../protocol/shape.ts';
import type { ModelMetadata, TensorSpec } from '../../protocol/types.ts';
import type { ServableModel } from '../servable-model.ts';
import type { UpstreamClient } from './client.ts';

/**
 * What can be done with a model of an upstream server. `plain`: answer. `thresholds`: also prune at a given τ, and compare.
 * `full`: also find τ, from statistics of the activations.
 */
export type Capability =
  | { readonly kind: 'plain' | 'thresholds'; readonly reason: string }
  | { readonly kind: 'full' };

export interface UpstreamNames {
  readonly name: string;
  /** The instrumented model beside it; undefined: there is none. */
  readonly instrumented: string | undefined;
  /** The model that samples are measured with, where the instrumented one does not show its activations; undefined: there is none. */
  readonly statistics?: string | undefined;
  /** A description of the sites that was read from a file; undefined: the server is asked. */
  readonly description?: string | undefined;
}

/** A model that an upstream server runs. */
export interface UpstreamModel extends ServableModel {
  readonly names: UpstreamNames;
  /** Of the plain model: what clients see. */
  readonly metadata: ModelMetadata;
  readonly capability: Capability;
  /** The model that pruned runs go to; undefined: there is none, or none that fits. */
  readonly pruning: GatedModel | undefined;
  /** The model that runs go to which measure: most often the same. */
  readonly measuring: GatedModel | undefined;
}

/** A model that takes thresholds. */
export interface GatedModel {
  readonly name: string;
  /** Whether they are [N, S], a row for each row of the request; else they are [S]. */
  readonly isPerRow: boolean;
  /** What it shows of the sites: their activations, or histograms of them; undefined: nothing. */
  readonly shows: 'activations' | 'histograms' | undefined;
}

/**
 * What the upstream server tells of a model, and of the instrumented model beside it.
 *
 * @param generation - becomes part of the model's hash: a model that was replaced without another sign is another model.
 * @throws UpstreamFault; ServingError MODEL_INVALID where the plain model is itself an instrumented one, or has no version that
 *   is a number.
 */
export async function readUpstreamModel(
  client: UpstreamClient,
  names: UpstreamNames,
  signal: AbortSignal,
  generation = 0,
): Promise<UpstreamModel> {
  const { name, instrumented } = names;
  const metadata = await client.metadata(name, signal);
  if (metadata.inputs.some((input) => input.name.startsWith(RESERVED_PREFIX)))
    throw new ServingError(
      'MODEL_INVALID',
      `upstream model '${name}' is an instrumented one; name the plain model, and this one as the instrumented`,
    );
  const metadataOf = (model: string | undefined) =>
    model === undefined
      ? undefined
      : client.metadata(model, signal).catch((error: unknown) => {
          if (isAbsence(error)) return undefined;
          throw error;
        });
  const describing = names.statistics ?? instrumented;
  const [gated, shown, text] = await Promise.all([
    metadataOf(instrumented),
    metadataOf(names.statistics),
    names.description ??
      (describing === undefined
        ? undefined
        : client.parameters(describing, signal).then((all) => all[DESCRIPTION_KEY])),
  ]);
  const description =
    text === undefined ? undefined : readDescription(text, `upstream model '${describing}'`);
  const pruning = sitesOf(metadata, gated, instrumented, description);
  const measuring =
    names.statistics === undefined ? pruning : sitesOf(metadata, shown, names.statistics, description);
  const { capability, sites } = together(pruning, measuring, names);
  const modelOf = (model: string | undefined, { isPerRow, shows }: Found): GatedModel | undefined =>
    model === undefined || sites.length === 0 ? undefined : { name: model, isPerRow, shows };
  const identity = JSON.stringify([metadata, gated ?? null, shown ?? null, text ?? null, generation]);
  return {
    names,
    metadata,
    capability,
    pruning: modelOf(instrumented, pruning),
    measuring:
      capability.kind === 'full'
        ? modelOf(names.statistics ?? instrumented, measuring)
        : modelOf(instrumented, pruning),
    stem: name,
    hash: createHash('sha256').update(identity).digest('hex'),
    signature: metadata,
    rowMeetings: [],
    sites,
    skipped: description?.skipped ?? [],
    softmaxOutputs: description?.softmaxOutputs ?? [],
  };
}

/** What can be done with one model that prunes and one, it may be the same, that shows activations. */
function together(pruning: Found, measuring: Found, { statistics }: UpstreamNames): Found {
  if (statistics === undefined || pruning.capability.kind === 'plain') return pruning;
  const without = (reason: string): Found => ({ ...pruning, capability: { kind: 'thresholds', reason } });
  if (measuring.capability.kind !== 'full') return without(measuring.capability.reason);
  if (measuring.sites.length === pruning.sites.length) return measuring;
  return without(
    `'${statistics}' has ${measuring.sites.length} sites, the instrumented model ${pruning.sites.length}`,
  );
}

/** The server has answered that there is no such model. */
function isAbsence(error: unknown): boolean {
  return (error as { readonly kind?: unknown }).kind === 'unknown';
}

interface Found {
  readonly capability: Capability;
  readonly sites: readonly Site[];
  readonly isPerRow: boolean;
  readonly shows: GatedModel['shows'];
}

function sitesOf(
  plain: ModelMetadata,
  instrumented: ModelMetadata | undefined,
  name: string | undefined,
  description: Description | undefined,
): Found {
  const without = (reason: string): Found => ({
    capability: { kind: 'plain', reason },
    sites: [],
    isPerRow: false,
    shows: undefined,
  });
  if (name === undefined) return without('no instrumented model is configured');
  if (instrumented === undefined) return without(`upstream has no model '${name}'`);
  const taken = [...instrumented.inputs, ...(instrumented.optionalInputs ?? [])];
  const threshold = taken.find((input) => input.name === THRESHOLD_INPUT);
  if (threshold === undefined) return without(`'${name}' has no input '${THRESHOLD_INPUT}'`);
  const count = threshold.shape.at(-1) ?? -1;
  const isPerRow = threshold.shape.length === 2 && threshold.shape[0] === -1;
  if (threshold.datatype !== 'FP32' || count <= 0 || (!isPerRow && threshold.shape.length !== 1))
    return without(
      `'${name}' takes thresholds ${threshold.datatype} ${formatShape(threshold.shape)}, expected FP32 [-1,S] or [S]`,
    );
  const difference = differenceOf(plain, instrumented);
  if (difference !== undefined) return without(`'${name}' is not made of '${plain.name}': ${difference}`);
  if (description !== undefined && description.sites.length !== count)
    return without(`'${name}' has ${count} sites, its description ${description.sites.length}`);
  const taps = Array.from({ length: count }, (_, i) =>
    instrumented.outputs.find((output) => output.name === tapName(i)),
  );
  const sites = taps.map((tap, index): Site => {
    const told = description?.sites[index];
    return {
      index,
      name: told?.name ?? `site ${index}`,
      op: told?.op ?? 'unknown',
      tensor: tapName(index),
      isNonNegative: told?.isNonNegative ?? false,
      prunedFor: 'all',
      pole: told?.pole ?? null,
      elementType: tap?.datatype === 'FP16' ? 'float16' : 'float32',
      tap: tapName(index),
    };
  });
  const missing = taps.findIndex((tap) => tap?.datatype !== 'FP32' && tap?.datatype !== 'FP16');
  const full = { capability: { kind: 'full' }, sites, isPerRow } as const;
  if (missing < 0) return { ...full, shows: 'activations' };
  const showsHistograms =
    taken.some((input) => input.name === MEASURE_INPUT && input.datatype === 'FP32') &&
    instrumented.outputs.some((output) => output.name === HISTOGRAMS_OUTPUT && output.datatype === 'FP64');
  if (showsHistograms) return { ...full, shows: 'histograms' };
  const reason = `'${name}' does not show the activations of site ${missing} (output '${tapName(missing)}')`;
  return { capability: { kind: 'thresholds', reason }, sites, isPerRow, shows: undefined };
}

/** How an instrumented model differs from the plain one in what both must have; undefined: it does not. */
function differenceOf(plain: ModelMetadata, instrumented: ModelMetadata): string | undefined {
  const own = instrumented.inputs.filter((input) => !input.name.startsWith(RESERVED_PREFIX));
  if (own.length !== plain.inputs.length) return `it takes ${own.length} inputs, not ${plain.inputs.length}`;
  return (
    firstDifference('input', plain.inputs, own) ??
    firstDifference('output', plain.outputs, instrumented.outputs)
  );
}

function firstDifference(
  role: string,
  wanted: readonly TensorSpec[],
  found: readonly TensorSpec[],
): string | undefined {
  for (const spec of wanted) {
    const other = found.find(({ name }) => name === spec.name);
    if (other === undefined) return `${role} '${spec.name}' is missing`;
    if (other.datatype !== spec.datatype || other.shape.join() !== spec.shape.join())
      return `${role} '${spec.name}' is ${other.datatype} ${formatShape(other.shape)}, not ${spec.datatype} ${formatShape(spec.shape)}`;
  }
  return undefined;
}
