import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ActivationHistogram,
  emptyHistogram,
  merge,
  mergeAll,
} from '../../../src/estimator/histogram.ts';
import { RollingWindow } from '../../../src/estimator/rolling-window.ts';
import { Inbox } from '../../../src/loop/replica/inbox.ts';
import { decodeEvidence, type EvidenceRecord, encodeEvidence } from '../../../src/loop/replica/records.ts';
import {
  decodeSlice,
  encodeSlice,
  SliceBuffer,
  type SliceRecord,
} from '../../../src/loop/replica/slice-record.ts';
import { rayleigh } from '../../control/events.ts';
import { content } from '../../estimator/content.ts';

const loss = fc.double({ min: 0, max: 1, noNaN: true });
const place = fc.option(
  fc.record({ stream: fc.double({ min: 0, max: 2 ** 33, noNaN: true }), index: fc.nat() }),
);
const comparison = fc.record({
  threshold: fc.double({ min: 0, max: 1e6, noNaN: true }),
  loss,
  isDue: fc.boolean(),
  place,
});
const results = fc.array(fc.tuple(fc.nat(500), loss), { maxLength: 20 });
const evidence: fc.Arbitrary<EvidenceRecord> = fc.record({
  replica: fc.string({ minLength: 1, maxLength: 40 }),
  sequence: fc.integer({ min: 1 }),
  epoch: fc.nat(),
  search: fc.option(fc.string({ maxLength: 20 })),
  comparisons: fc.array(comparison, { maxLength: 20 }),
  tests: results,
  pilot: results,
});

const POOL = Array.from({ length: 16 }, (_, i) => rayleigh(i + 1, 200, 0.25 + i));
const histogram = fc.nat(POOL.length - 1).map((i) => POOL[i]!);
const slice: fc.Arbitrary<SliceRecord> = fc
  .record({
    replica: fc.constantFrom('a', 'b', 'c'),
    sequence: fc.integer({ min: 1, max: 1000 }),
    epoch: fc.nat(),
    samples: fc.array(fc.tuple(histogram, histogram, place), { minLength: 1, maxLength: 6 }),
    at: fc.nat(),
  })
  .map(({ samples, at, ...record }) => {
    const buffer = new SliceBuffer();
    for (const [a, b, where] of samples) buffer.add([a, b], where ?? undefined, at, at);
    return { ...record, ...buffer.take()! };
  });

describe('a record', () => {
  it('of evidence comes back as it was', () => {
    fc.assert(
      fc.property(evidence, (record) => {
        expect(decodeEvidence(encodeEvidence(record))).toEqual(JSON.parse(JSON.stringify(record)));
      }),
    );
  });

  it('of samples comes back as it was, every bin of it', () => {
    fc.assert(
      fc.property(slice, (record) => {
        const back = decodeSlice(encodeSlice(record), 2);
        const { sites, requests, ...head } = record;
        expect(back).toMatchObject(head);
        expect(back.requests).toEqual(
          JSON.parse(JSON.stringify(requests)).map((one: object) => ({ place: undefined, ...one })),
        );
        expect(back.sites.map(content)).toEqual(sites.map(content));
      }),
    );
  });

  it('that is none is refused with a reason, whatever its bytes are', () => {
    const refusal = (decode: () => unknown) => {
      try {
        decode();
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect((error as Error).message.length).toBeGreaterThan(5);
        expect((error as Error).constructor).toBe(Error);
      }
    };
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        evidence,
        slice,
        fc.nat(),
        fc.nat(255),
        (bytes, a, b, at, byte) => {
          refusal(() => decodeEvidence(bytes));
          refusal(() => decodeSlice(bytes, 2));
          const broken = encodeEvidence(a);
          broken[at % broken.length] = byte;
          refusal(() => decodeEvidence(broken));
          const torn = encodeSlice(b);
          torn[at % torn.length] = byte;
          refusal(() => decodeSlice(torn, 2));
          refusal(() => decodeSlice(encodeSlice(b).subarray(0, at % torn.length), 2));
        },
      ),
    );
    expect(() => decodeSlice(encodeSlice(fc.sample(slice, 1)[0]!), 3)).toThrow('it has 2 sites, not 3');
  });
});

describe('what several replicas tell', () => {
  const told = fc.array(slice, { minLength: 1, maxLength: 12 }).map((records) => {
    const numbered = new Map<string, number>();
    return records.map((record) => {
      const sequence = (numbered.get(record.replica) ?? 0) + 1;
      numbered.set(record.replica, sequence);
      return { ...record, sequence };
    });
  });
  /** The same records in any order, late, and some of them again. */
  const arrivals = told.chain((records) =>
    fc
      .array(fc.constantFrom(...records), { maxLength: 8 })
      .chain((again) =>
        fc.shuffledSubarray([...records, ...again], { minLength: records.length + again.length }),
      )
      .map((order) => ({ records, order })),
  );

  it('adds up to the same in whatever order it comes, and however often', () => {
    fc.assert(
      fc.property(arrivals, ({ records, order }) => {
        const inbox = new Inbox();
        const sum: ActivationHistogram = emptyHistogram();
        for (const { replica, sequence, sites } of order)
          if (inbox.take(replica, sequence)) for (const site of sites) merge(sum, site);
        const all = mergeAll(records.flatMap(({ sites }) => sites));
        expect(content(sum)).toEqual(content(all));
      }),
    );
  });

  it('counts once, too, where another goes on from what was taken', () => {
    fc.assert(
      fc.property(arrivals, fc.nat(), ({ records, order }, at) => {
        const cut = at % order.length;
        let inbox = new Inbox();
        const taken: string[] = [];
        for (const [i, { replica, sequence }] of order.entries()) {
          if (i === cut) inbox = new Inbox(JSON.parse(JSON.stringify(inbox.taken)));
          if (inbox.take(replica, sequence)) taken.push(`${replica} ${sequence}`);
        }
        const names = records.map(({ replica, sequence }) => `${replica} ${sequence}`);
        expect(taken.sort()).toEqual(names.sort());
      }),
    );
  });

  it('fills a window as its samples would, one after the other', () => {
    fc.assert(
      fc.property(told, (records) => {
        const options = { sites: 2, slices: 100, sliceSamples: 4, maxAgeMs: 1e9 };
        const window = new RollingWindow(options);
        for (const { sites, requests } of records)
          window.addSlice(
            sites,
            requests.map(({ summary }) => summary),
            0,
          );
        const held = window.snapshot();
        expect(held.samples).toBe(records.reduce((count, { requests }) => count + requests.length, 0));
        expect(held.requests).toEqual(
          records.flatMap(({ requests }) => requests.map(({ summary }) => summary)),
        );
        for (const site of [0, 1]) {
          const all = content(mergeAll(records.map(({ sites }) => sites[site]!)));
          expect(content(held.sites[site]!)).toEqual(all);
          expect(content(mergeAll(held.slices.map((sites) => sites[site]!)))).toEqual(all);
        }
      }),
    );
  });

  it('is forgotten where too much of it is missing, and goes on', () => {
    const inbox = new Inbox();
    expect(inbox.take('a', 1)).toBe(true);
    for (let sequence = 3; sequence < 100; sequence++) expect(inbox.take('a', sequence)).toBe(true);
    expect(inbox.take('a', 2)).toBe(false);
    expect(inbox.take('a', 99)).toBe(false);
    expect(inbox.take('a', 100)).toBe(true);
    expect(inbox.taken).toEqual([['a', { upTo: 100, ahead: [] }]]);
  });
});
