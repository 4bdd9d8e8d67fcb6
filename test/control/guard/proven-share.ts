import { type Evidence, isProven, noEvidence, observe } from '../../../src/control/guard/evidence.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';

/** Share of runs of 0 and 1 with the mean `truth` that prove a claim about `mean`, looked at after every observation. */
export function provenShare(
  claim: Evidence['claim'],
  mean: number,
  truth: number,
  alpha: number,
  runs: number,
  length: number,
): number {
  const random = xorshift(7);
  let proven = 0;
  for (let run = 0; run < runs; run++) {
    let evidence = noEvidence(claim, mean);
    for (let i = 0; i < length && !isProven(evidence, alpha); i++) {
      evidence = observe(evidence, random() < truth ? 1 : 0);
    }
    if (isProven(evidence, alpha)) proven++;
  }
  return proven / runs;
}
