import fc from 'fast-check';
import { describe, it } from 'vitest';
import { availableKernels } from './opened.ts';
import { checkConv, checkMatMul, convShapes, matMulShapes } from './sparse-law.ts';

/** Over two operators and all sets of kernels 10,000 at least; more where asked: `SHAPES=5000 npm run test:long`. */
const LEAST = 10_000;
const kernelSets = availableKernels();
const SHAPES = Number(process.env.SHAPES ?? Math.ceil(LEAST / (2 * kernelSets.length)));

describe.each(kernelSets)('kernels %s', (kernels) => {
  it(`convolve ${SHAPES} shapes as ONNX Runtime does`, async () => {
    await fc.assert(
      fc.asyncProperty(convShapes, (shape) => checkConv(kernels, shape)),
      { numRuns: SHAPES },
    );
  });

  it(`multiply ${SHAPES} shapes as ONNX Runtime does`, async () => {
    await fc.assert(
      fc.asyncProperty(matMulShapes, (shape) => checkMatMul(kernels, shape)),
      { numRuns: SHAPES },
    );
  });
});
