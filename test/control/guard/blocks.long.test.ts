import { describe, expect, it } from 'vitest';
import { grouped, type OpenBlock, type Unit } from '../../../src/control/guard/blocks.ts';
import { isProven, noEvidence, observe } from '../../../src/control/guard/evidence.ts';
import { freshWatch, isAlarmed, isSuspicious, watched } from '../../../src/control/guard/watch.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { type StreamPlace, Streams } from '../../../src/loop/streams.ts';
import { normal, type Random } from '../../drift/traffic.ts';

const ALLOWED = 0.01;
const ALPHA = 0.01;
const RUNS = 800;
/** Blocks that a test looks at, and requests of each that are compared. */
const BLOCKS = 200;
const COMPARED = 5;
/** A share of runs that errs with probability α is above this in one test of twenty. */
const AS_GOOD_AS_ALPHA = ALPHA + 1.645 * Math.sqrt((ALPHA * (1 - ALPHA)) / RUNS);

/** Losses whose mean is exactly what is allowed: whole ones, and parts of one. */
const LOSSES: Readonly<Record<string, (random: Random) => number>> = {
  'whole losses': (random) => (random() < ALLOWED ? 1 : 0),
  'parts of losses': (random) => (random() < 4 * ALLOWED ? 0.5 * random() : 0),
};

/** Requests in runs of the same input, whose lengths are geometrically distributed. */
function requests<T>(input: (random: Random) => T, meanLength: number, random: Random): () => T {
  let latest = input(random);
  return () => {
    if (random() * meanLength < 1) latest = input(random);
    return latest;
  };
}

/** The blocks that are measured where one request of so many is sampled. */
function blocksOf(meanLength: number, sampledOf: number, seed: number): Streams {
  const random = xorshift(seed);
  const next = requests(() => [normal(random), normal(random)], meanLength, random);
  const streams = new Streams();
  for (let i = 0; i < 1024 * sampledOf; i++) {
    const place = streams.next(undefined);
    const summary = next();
    if (random() * sampledOf < 1) streams.add(place, summary);
  }
  return streams;
}

type UnitOf = (place: StreamPlace) => Unit | undefined;

/** Share of runs that ever prove the claim, true or not. */
function provenShare(
  claim: 'above' | 'below',
  next: (random: Random) => () => number,
  { blockRequests, every, unitOf }: { blockRequests: number; every: number; unitOf: UnitOf },
): number {
  const random = xorshift(11);
  let proven = 0;
  for (let run = 0; run < RUNS; run++) {
    const lossOf = next(random);
    let evidence = noEvidence(claim, ALLOWED);
    let open: readonly OpenBlock[] = [];
    for (let index = 0; index < BLOCKS * blockRequests && !isProven(evidence, ALPHA); index++) {
      const loss = lossOf();
      if (index % every > 0) continue;
      const seen = grouped(open, loss, unitOf({ stream: 0, index }));
      open = seen.open;
      evidence = seen.closed.reduce(observe, evidence);
    }
    if (isProven(evidence, ALPHA)) proven++;
  }
  return proven / RUNS;
}

describe.each(Object.entries(LOSSES))('where exactly as much is lost as is allowed, %s', (_, loss) => {
  it.each([
    [3, 1],
    [10, 6],
  ])('in runs of mean length %i, one of %i sampled: at most α of the tests err', (meanLength, sampledOf) => {
    const streams = blocksOf(meanLength, sampledOf, 3);
    const next = (random: Random) => requests(loss, meanLength, random);
    const { blockRequests } = streams.reading;
    const unitOf = (place: StreamPlace) => streams.unitOf(place);
    const every = Math.ceil(blockRequests / COMPARED);
    for (const claim of ['below', 'above'] as const)
      expect(provenShare(claim, next, { blockRequests, every, unitOf })).toBeLessThan(AS_GOOD_AS_ALPHA);
    // What they would do without blocks.
    expect(
      provenShare('above', next, { blockRequests: 1, every: 1, unitOf: () => undefined }),
    ).toBeGreaterThan(4 * ALPHA);
  });

  it.each([
    [1, 1],
    [3, 1],
    [3, 6],
    [10, 6],
  ])(
    'in runs of mean length %i, one of %i sampled: the guard is as quiet as configured',
    (meanLength, sampledOf) => {
      const options = { allowedLoss: ALLOWED, alarmRunLength: 300 };
      const streams = blocksOf(meanLength, sampledOf, 5);
      const random = xorshift(13);
      const next = requests(loss, meanLength, random);
      let watch = freshWatch(options);
      let compared = 0;
      let alarms = 0;
      for (let index = 0; compared < 60 * options.alarmRunLength; index++) {
        const value = next();
        // Every answer is compared while some have just disagreed.
        if (!isSuspicious(watch) && random() * sampledOf >= 1) continue;
        compared++;
        watch = watched(watch, value, streams.unitOf({ stream: 0, index }));
        if (!isAlarmed(watch, options)) continue;
        alarms++;
        watch = freshWatch(options);
      }
      expect(alarms).toBeLessThanOrEqual(60);
    },
  );
});
