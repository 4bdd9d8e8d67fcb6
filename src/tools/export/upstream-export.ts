import { createHash } from 'node:crypto';
import { type Description, describedBy } from '../../onnx/description.ts';
import { instrument } from '../../onnx/instrument.ts';
import { decodeModel, encodeModel, externalDataFiles } from '../../onnx/model-file.ts';
import { readRows } from '../../onnx/row-independence.ts';
import { type ModelSignature, modelSignature } from '../../onnx/signature.ts';
import type { Site, SiteOptions, SkippedSite } from '../../onnx/sites.ts';
import { softmaxOutputs } from '../../onnx/softmax-outputs.ts';
import { unbatchable } from '../../runtime/batching/batch.ts';

/** A model for a server behind `taustat serve --upstream`: gates and taps of standard operators. */
export interface UpstreamExport {
  readonly bytes: Uint8Array;
  readonly sites: readonly Site[];
  readonly skipped: readonly SkippedSite[];
  readonly description: Description;
  /** With what was added: the thresholds as the last input, the activations as the last outputs. */
  readonly signature: ModelSignature;
  /** Why thresholds are [S], the same for all rows, instead of [N, S]; undefined: they are per row. */
  readonly unbatchable: string | undefined;
  /** Files beside the original that hold its weights. */
  readonly externalFiles: readonly string[];
}

/**
 * Thresholds are per row where requests may share a run, so that the server goes on joining them. Elsewhere it must not join
 * requests anyhow, and one set of thresholds serves all rows.
 *
 * @throws ServingError MODEL_INVALID
 */
export function upstreamExport(plain: Uint8Array, options: SiteOptions): UpstreamExport {
  const model = decodeModel(plain);
  const reason = unbatchable(modelSignature(model), readRows(model).meetings);
  const kind = reason === undefined ? 'rows' : 'input';
  const { bytes, sites, skipped } = instrument(model, { ...options, gate: { kind } });
  const description: Description = {
    plain: createHash('sha256').update(plain).digest('hex'),
    sites: sites.map(({ name, op, isNonNegative, pole }) => ({ name, op, isNonNegative, pole })),
    skipped: [...skipped],
    softmaxOutputs: [...softmaxOutputs(model)],
  };
  const described = describedBy(decodeModel(bytes), description);
  return {
    bytes: encodeModel(described),
    sites,
    skipped,
    description,
    signature: modelSignature(described, 'all'),
    unbatchable: reason,
    externalFiles: externalDataFiles(model),
  };
}
