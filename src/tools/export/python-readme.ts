import { THRESHOLD_INPUT } from '../../onnx/names.ts';
import type { ModelSignature } from '../../onnx/signature.ts';

export interface PythonModel {
  readonly signature: ModelSignature;
  readonly threshold: number;
  readonly sites: number;
  /** File name of the library of operators. */
  readonly library: string;
  readonly platform: string;
}

/** How a model with operators of `ai.taustat` is run in Python. */
export function pythonReadme(model: PythonModel): string {
  const { signature, threshold, sites, library, platform } = model;
  const feeds = signature.inputs.map(({ name }, i) => `${pythonText(name)}: ${argument(i)}`).join(', ');
  return `# A model whose layers skip zeros

\`model.onnx\` is pruned at τ = ${Number(threshold.toPrecision(6))}. Its operators are in \`${library}\`, compiled for ${platform}; they need ONNX Runtime 1.17 or later.

\`\`\`python
import numpy as np
import onnxruntime as ort

options = ort.SessionOptions()
options.intra_op_num_threads = 1  # for more, set TAUSTAT_THREADS in the environment, too
options.register_custom_ops_library("./${library}")
session = ort.InferenceSession("model.onnx", options, providers=["CPUExecutionProvider"])

feeds = {${feeds}}
pruned = session.run(None, feeds)
dense = session.run(None, {**feeds, "${THRESHOLD_INPUT}": np.zeros(${sites}, np.float32)})
\`\`\`

\`${THRESHOLD_INPUT}\` float32 [${sites}] has one threshold per site; a run that leaves it out takes τ. ONNX Runtime warns that it is not treated as a constant: so it is meant.
`;
}

function argument(index: number): string {
  return index === 0 ? 'x' : `x${index + 1}`;
}

function pythonText(value: string): string {
  return JSON.stringify(value);
}
