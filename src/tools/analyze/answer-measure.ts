import { ConfigSchema } from '../../config/schema.ts';
import type { Objective } from '../../control/guard/objective.ts';
import { decideObjective, measureOf } from '../../loop/comparison/objective.ts';
import { Pilot } from '../../loop/comparison/pilot.ts';
import type { Tensor } from '../../protocol/types.ts';
import { type Passes, pass } from './passes.ts';

/** Rows that a server decides on, too. */
const PILOT_ROWS = 240;

/** How a server with default settings would judge this model's answers. */
export interface AnswerMeasure extends Objective {
  /** In use: 'margin', or several, as 'margin, spread'. */
  readonly measure: string;
}

/**
 * The measure that the dense answers to the first rows suggest.
 *
 * @param passes - its outputs are taken for all of the model's.
 * @param softmaxOutputs - outputs where the graph ends in Softmax or LogSoftmax.
 */
export async function answerMeasure(
  passes: Passes,
  softmaxOutputs: readonly string[],
): Promise<AnswerMeasure> {
  const { floor, ...agreement } = ConfigSchema.parse({}).agreement;
  const batches = passes.batches.filter(({ from }) => from < PILOT_ROWS);
  const answers: { readonly from: number; readonly rows: number; readonly outputs: readonly Tensor[] }[] = [];
  await pass({ ...passes, batches }, 0, 'nothing', ({ outputs }, { from, to }) => {
    answers.push({ from, rows: to - from, outputs });
  });
  const pilot = new Pilot();
  for (const { from, rows, outputs } of answers.sort((a, b) => a.from - b.from)) {
    const inputs = passes.rows.batch(from, from + rows);
    for (let row = 0; row < rows; row++)
      pilot.add(
        outputs.map((output) => rowOf(output, row, rows)),
        inputs.map((input) => rowOf(input, row, rows)),
      );
  }
  const objective = decideObjective(pilot, { ...agreement, allowedLoss: 1 - floor, softmaxOutputs });
  return { measure: measureOf(objective), ...objective };
}

/** One row of a batch; what has no rows belongs to all of them. */
function rowOf(tensor: Tensor, row: number, rows: number): Tensor {
  const { shape, elements } = tensor;
  if (shape[0] !== rows || tensor.datatype === 'BYTES') return tensor;
  const width = elements.length / rows;
  const own = (elements as Float32Array).subarray(row * width, (row + 1) * width);
  return { ...tensor, shape: [1, ...shape.slice(1)], elements: own };
}
