import { expect, it } from 'vitest';
import { noEvidence, observeAfresh, wealth } from '../../../src/control/guard/evidence.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { provenShare } from './proven-share.ts';

it('evidence ever proves a false claim in at most α of runs, however long one looks (10,000 null runs of 300)', () => {
  const alpha = 0.05;
  expect(provenShare('above', 0.05, 0.05, alpha, 10_000, 300)).toBeLessThanOrEqual(alpha);
  expect(provenShare('below', 0.05, 0.05, alpha, 10_000, 300)).toBeLessThanOrEqual(alpha);
});

it('evidence afresh raises no more false alarms than one in so many observations, where the mean is exactly m', () => {
  const random = xorshift(5);
  const runLength = 200;
  let observations = 0;
  const alarms = 150;
  for (let alarm = 0; alarm < alarms; alarm++) {
    let evidence = noEvidence('above', 0.05);
    for (; wealth(evidence) < runLength; observations++)
      evidence = observeAfresh(evidence, random() < 0.05 ? 1 : 0);
  }
  expect(observations / alarms).toBeGreaterThan(runLength);
});
