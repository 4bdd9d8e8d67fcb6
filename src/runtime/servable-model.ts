import type { RowMeeting } from '../onnx/row-independence.ts';
import type { ModelSignature } from '../onnx/signature.ts';
import type { Site, SkippedSite } from '../onnx/sites.ts';

/** What is known of a model, wherever it runs. */
export interface ServableModel {
  /** File name without its ending. */
  readonly stem: string;
  /** Identifies the model: evidence for one is none for another. In hex. */
  readonly hash: string;
  /** Two models of the same hash may differ: it leaves out weights in other files. */
  readonly isHashPartial?: boolean;
  readonly signature: ModelSignature;
  /** Nodes at which rows of a batch may affect one another; empty: requests may share a run. */
  readonly rowMeetings: readonly RowMeeting[];
  readonly sites: readonly Site[];
  readonly skipped: readonly SkippedSite[];
  /** Outputs computed by Softmax or LogSoftmax. */
  readonly softmaxOutputs: readonly string[];
  /** Of a file that was instrumented for a server behind this one; it is served as it is. Absent: any other file. */
  readonly description?: string;
}
