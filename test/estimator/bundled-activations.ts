import { readFileSync } from 'node:fs';
import { instrument } from '../../src/onnx/instrument.ts';
import { THRESHOLD_INPUT } from '../../src/onnx/names.ts';
import { readNpy } from '../../src/tools/inputs/npy.ts';
import { ort } from '../onnx/ort.ts';
import { smallCnn } from '../small-cnn.ts';

const PIXELS = 28 * 28;
const { bytes, sites } = instrument(readFileSync(smallCnn('model.onnx')));
const images = (await readNpy(smallCnn('inputs.npy'))).elements as Uint8Array;
const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });

/** The activations of the bundled model at each of its sites, unpruned, on test images [from, to). */
export async function capture(from: number, to: number): Promise<Float32Array[]> {
  const pixels = Float32Array.from(images.subarray(from * PIXELS, to * PIXELS));
  const outputs = await session.run(
    {
      [session.inputNames.find((name) => name !== THRESHOLD_INPUT)!]: new ort.Tensor('float32', pixels, [
        to - from,
        1,
        28,
        28,
      ]),
      [THRESHOLD_INPUT]: new ort.Tensor('float32', new Float32Array(sites.length), [sites.length]),
    },
    sites.map(({ tap }) => tap),
  );
  return sites.map(({ tap }) => outputs[tap]!.data as Float32Array);
}
