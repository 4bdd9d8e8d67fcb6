import { afterEach, describe, expect, it } from 'vitest';
import { encodeEvidence } from '../../../src/loop/replica/records.ts';
import { AuditRecorder } from '../../../src/store/audit.ts';
import { replay } from '../../../src/store/replay.ts';
import {
  changesOf,
  DENSE_AFTER_MS,
  doing,
  Fleet,
  GROUP,
  isAllServed,
  LEASE_MS,
  type Member,
} from './fleet.ts';

const LEASE_SECONDS = LEASE_MS / 1000;
const DENSE_SECONDS = DENSE_AFTER_MS / 1000;
const LOG = { most: 1000, keepMs: 600_000, isUrgent: true };

let fleet: Fleet;
afterEach(() => fleet.close());

/** Four replicas with a threshold in all of production. */
async function settled(): Promise<Fleet> {
  fleet = new Fleet(4);
  await fleet.run(600, 400, () => fleet.members.every(isAllServed));
  expect(fleet.members.every(isAllServed)).toBe(true);
  return fleet;
}

const thresholdOf = (member: Member) => doing(member).production.threshold;

describe('several replicas', () => {
  it('come to one threshold together, and sooner than one alone', async () => {
    fleet = new Fleet(1);
    const alone = await fleet.run(600, 100, () => fleet.members.every(isAllServed));
    fleet.close();
    await settled();
    const first = doing(fleet.members[0]!);
    expect(fleet.members.map(doing)).toEqual([first, first, first, first]);
    expect(fleet.deciders.length).toBe(1);
    fleet.close();
    fleet = new Fleet(4);
    const together = await fleet.run(600, 400, () => fleet.members.every(isAllServed));
    expect(together).toBeLessThan(0.6 * alone);
  });

  it('take what the others see for no more than there is, where one scene is dealt out over them', async () => {
    fleet = new Fleet(4);
    fleet.sceneLength = 8;
    await fleet.run(8, 400);
    expect(fleet.decider.replica.evidence.areAlike).toBe(true);
    expect(fleet.decider.news.map(({ detail }) => detail).join()).toMatch('resemble each other');
    const foreign = () => {
      let count = 0;
      fleet.decider.loop.steps$.subscribe(({ event }) => {
        if (event.kind === 'tested' && event.input < 0) count++;
      });
      return () => count;
    };
    const alike = foreign();
    await fleet.run(5, 400);
    expect(alike()).toBe(0);
    fleet.close();
    fleet = new Fleet(4);
    await fleet.run(1, 400);
    const independent = foreign();
    await fleet.run(59, 400);
    expect(independent()).toBeGreaterThan(100);
    expect(fleet.members.map(({ replica }) => replica.evidence.areAlike)).toEqual(Array(4).fill(false));
  });

  it('never have two that decide, nor one that is at more than the others', async () => {
    fleet = new Fleet(4);
    for (let i = 0; i < 200; i++) {
      await fleet.run(0.3, 400);
      expect(fleet.deciders.length).toBeLessThanOrEqual(1);
    }
    const [one, ...others] = fleet.members.map((member) => member.replica.decision.revision);
    for (const other of others) expect(Math.abs(other! - one!)).toBeLessThanOrEqual(1);
  });

  it('go on where the one that decided was, when that is killed', async () => {
    await settled();
    const before = doing(fleet.followers[0]!);
    fleet.kill(fleet.decider);
    await fleet.run(2 * LEASE_SECONDS, 400, () => fleet.deciders.length === 1);
    expect(fleet.deciders.length).toBe(1);
    await fleet.run(2, 400);
    for (const member of fleet.members) {
      expect(thresholdOf(member)).toBeGreaterThanOrEqual(before.production.threshold);
      expect(doing(member).epoch).toBe(before.epoch);
    }
  });

  it('lose no decision, and no search, when the one that decides goes in the middle of it', async () => {
    fleet = new Fleet(4);
    await fleet.run(600, 400, () => fleet.members.every(({ loop }) => loop.state.phase.kind === 'trial'));
    fleet.kill(fleet.decider);
    await fleet.run(600, 300, () => fleet.members.every(isAllServed));
    expect(fleet.members.every(isAllServed)).toBe(true);
    expect(new Set(fleet.members.map(thresholdOf)).size).toBe(1);
  });

  it('keep their threshold without the store, climb no further, are dense after a while, and come back', async () => {
    await settled();
    const before = fleet.members.map(doing);
    for (const member of fleet.members) member.isCut = true;
    await fleet.run(DENSE_SECONDS - LEASE_SECONDS, 40);
    expect(fleet.members.map(doing)).toEqual(before);
    expect(fleet.members.map(({ replica }) => replica.news.problem)).toEqual(
      Array(4).fill('the store is out of reach'),
    );
    await fleet.run(2 * LEASE_SECONDS, 40);
    for (const member of fleet.members) {
      expect(thresholdOf(member)).toBe(0);
      expect(member.loop.state.change.detail).toMatch('the store is out of reach');
    }
    for (const member of fleet.members) member.isCut = false;
    await fleet.run(2 * LEASE_SECONDS, 40, () => fleet.members.every(isAllServed));
    expect(fleet.members.map(thresholdOf)).toEqual(before.map(({ production }) => production.threshold));
    expect(fleet.members.flatMap(({ news }) => news.map(({ kind }) => kind))).toContain('back');
  });

  it('are dense after a while where the store answers nothing at all, not even that it cannot', async () => {
    await settled();
    const [hung] = fleet.followers;
    hung!.isHung = true;
    await fleet.run(DENSE_SECONDS - LEASE_SECONDS, 40);
    expect(thresholdOf(hung!)).toBeGreaterThan(0);
    // Nor does any request come that would say something.
    await fleet.run(2 * LEASE_SECONDS, 0);
    expect(thresholdOf(hung!)).toBe(0);
    expect(hung!.loop.state.withheld).toBe('unshared');
    const others = fleet.members.filter((member) => member !== hung);
    expect(others.every((member) => thresholdOf(member) > 0)).toBe(true);
  });

  it('leave one behind that cannot reach the store, and refuse what it decided meanwhile', async () => {
    await settled();
    const old = fleet.decider;
    old.isCut = true;
    await fleet.run(2 * LEASE_SECONDS, 100, () => fleet.deciders.some((member) => member !== old));
    expect(fleet.deciders).toEqual([expect.not.objectContaining({ replica: old.replica })]);
    const news = fleet.decider;
    const { revision } = news.replica.decision;
    old.isCut = false;
    const decision = { revision: revision + 100, state: '{}', memory: '{}' };
    expect(await fleet.store.decide(GROUP, old.replica.id, decision)).toBe(false);
    await fleet.run(LEASE_SECONDS, 100);
    expect(old.replica.lease.role).toBe('follows');
    expect(doing(old)).toEqual(doing(news));
  });

  it('decide the same whatever their clocks say', async () => {
    fleet = new Fleet(0);
    for (const skewMs of [0, 3_600_000, -3_600_000, 86_400_000]) fleet.add({ skewMs });
    await fleet.run(600, 400, () => fleet.members.every(isAllServed));
    expect(fleet.members.every(isAllServed)).toBe(true);
    const changed = fleet.members.map(({ loop }) => loop.state.change.at);
    const now = fleet.members[0]!.replica.lease.wallMs;
    for (const at of changed) expect(Math.abs(now - at)).toBeLessThan(60_000);
  });

  it('refuse what is no record, name it, and are none the worse for it', async () => {
    await settled();
    const before = fleet.members.map(doing);
    const usual = { replica: 'liar', epoch: before[0]!.epoch, search: null, tests: [], pilot: [] };
    const comparison = { threshold: thresholdOf(fleet.decider), isDue: true, place: null };
    const lies = [
      new TextEncoder().encode('nonsense'),
      new TextEncoder().encode('[2,"liar",1,0,null,[],[],[]]'),
      new TextEncoder().encode('{"replica":"liar"}'),
      encodeEvidence({ ...usual, sequence: 1, comparisons: [{ ...comparison, loss: 7 }] }),
      encodeEvidence({ ...usual, sequence: -1, comparisons: [] }),
      encodeEvidence({ ...usual, sequence: 2, comparisons: [], tests: [[-3, 0]], search: 'x' }),
      // Of an epoch that is over, or of another search.
      encodeEvidence({
        ...usual,
        sequence: 3,
        epoch: 77,
        comparisons: Array(500).fill({ ...comparison, loss: 1 }),
      }),
      encodeEvidence({
        ...usual,
        sequence: 4,
        comparisons: [],
        search: 'other',
        tests: Array(500).fill([3, 0]),
      }),
    ];
    for (const lie of lies) await fleet.store.append(GROUP, 'evidence', lie, LOG);
    for (const lie of lies.slice(0, 3)) await fleet.store.append(GROUP, 'slices', lie, LOG);
    await fleet.run(3, 10);
    // They do what a fleet does that nobody lies to.
    const alike = new Fleet(4);
    await alike.run(600, 400, () => alike.members.every(isAllServed));
    await alike.run(3, 10);
    expect(fleet.members.map(doing)).toEqual(alike.members.map(doing));
    await alike.close();
    expect([...fleet.decider.replica.news.refused.keys()].sort()).toEqual(['evidence', 'slices']);
    const said = fleet.decider.news.filter(({ kind }) => kind === 'refused').map(({ detail }) => detail);
    expect(said.join('\n')).toMatch('its form is 2, not 1');
  });

  it('learn nothing from replicas of another file or other settings', async () => {
    fleet = new Fleet(2);
    const foreign = fleet.add({ group: { ...GROUP, fingerprint: 'other' } });
    await fleet.run(3, 400);
    expect(foreign.replica.decides()).toBe(true);
    expect(foreign.replica.lease.replicas).toBe(1);
    expect(fleet.members[0]!.replica.lease.replicas).toBe(2);
    const members = await fleet.members[0]!.replica.lease.members();
    expect(members.map(({ fingerprint }) => fingerprint).sort()).toEqual(['other', 'same', 'same']);
  });

  it('all take what the operator chooses at once, wherever that is told, and over what was decided before', async () => {
    await settled();
    const foreign = fleet.add({ group: { ...GROUP, fingerprint: 'other' } });
    await fleet.run(3, 400);
    const changes = changesOf(fleet.decider);
    await fleet.followers[0]!.replica.choice.choose('{"mode":"off"}');
    // Not even a turn of the clock later.
    expect(fleet.members.map(({ loop }) => loop.state.mode)).toEqual(Array(5).fill('off'));
    expect(fleet.members.map(thresholdOf)).toEqual(Array(5).fill(0));
    await fleet.run(5, 400);
    expect(fleet.members.map(({ loop }) => loop.state.mode)).toEqual(Array(5).fill('off'));
    expect(changes.map(({ reason }) => reason)).toContain('operator');
    expect(foreign.loop.state.mode).toBe('off');
  });

  it('hear of a choice that they missed, and of one that was made before they came', async () => {
    await settled();
    const cut = fleet.followers[0]!;
    cut.isCut = true;
    await fleet.decider.replica.choice.choose('{"mode":"off"}');
    expect(cut.loop.state.mode).toBe('auto');
    cut.isCut = false;
    const late = fleet.add();
    await fleet.run(LEASE_SECONDS, 40);
    expect([cut.loop.state.mode, late.loop.state.mode]).toEqual(['off', 'off']);
  });

  it('are dense without the others until they have heard of them', async () => {
    fleet = new Fleet(1, { isCut: true });
    const [member] = fleet.members;
    await fleet.run(5, 100);
    expect(member!.loop.state.withheld).toBe('unshared');
    expect(doing(member!).production.threshold).toBe(0);
    member!.isCut = false;
    await fleet.run(600, 100, () => fleet.members.every(isAllServed));
    expect(isAllServed(member!)).toBe(true);
  });
});

describe('the audit log of a replica', () => {
  /** Lines that a replica would write, and how large they are. */
  function audited({ loop }: Member) {
    const lines: string[] = [];
    let isNew = true;
    const subject = { model: 'm', hash: 'h', options: loop.control };
    const recorder = new AuditRecorder(subject, loop.state, {
      get needsStart() {
        return isNew;
      },
      write: (line) => {
        isNew = false;
        lines.push(JSON.stringify(line));
      },
    });
    loop.steps$.subscribe(({ event, after }) => recorder.record(event, after));
    return { lines, flush: () => recorder.flush() };
  }

  it('tells every decision, and each can be derived again, whether it decides or follows', async () => {
    fleet = new Fleet(3);
    await fleet.run(1, 300);
    const logs = fleet.members.map(audited);
    await fleet.run(600, 300, () => fleet.members.every(isAllServed));
    fleet.kill(fleet.decider);
    await fleet.run(3 * LEASE_SECONDS, 300);
    await fleet.decider.replica.choice.choose('{"mode":"off"}');
    await fleet.run(2, 300);
    for (const log of logs) {
      log.flush();
      const decisions = [];
      for await (const decision of replay(log.lines)) decisions.push(decision);
      expect(decisions.length).toBeGreaterThan(4);
      expect(decisions.filter(({ isSame }) => !isSame)).toEqual([]);
      // A line each for what was decided, not for every second or every test.
      expect(log.lines.filter((line) => line.includes('"adopted"')).length).toBeLessThanOrEqual(
        decisions.length,
      );
    }
  });
});

describe('one of several replicas', () => {
  it('is dense at once where its own runs fail, and does as all do when they work again', async () => {
    await settled();
    const bad = fleet.followers[0]!;
    bad.runtime.isFailing = true;
    await fleet.run(600, 400, () => bad.loop.state.withheld !== undefined);
    expect(bad.loop.state.withheld).toBe('failure');
    expect(thresholdOf(bad)).toBe(0);
    const others = fleet.members.filter((member) => member !== bad);
    expect(others.every(isAllServed)).toBe(true);
    bad.runtime.isFailing = false;
    await fleet.run(3000, 400, () => bad.loop.state.withheld === undefined);
    expect(thresholdOf(bad)).toBe(thresholdOf(fleet.decider));
  });

  it('lets another decide where its own runs fail', async () => {
    await settled();
    const bad = fleet.decider;
    bad.runtime.isFailing = true;
    await fleet.run(600, 400, () => bad.loop.state.withheld !== undefined && !bad.replica.decides());
    await fleet.run(2 * LEASE_SECONDS, 400, () => fleet.deciders.length === 1);
    expect(fleet.decider).not.toBe(bad);
    const others = fleet.members.filter((member) => member !== bad);
    expect(others.every((member) => thresholdOf(member) > 0)).toBe(true);
    // A further candidate may be on its way up.
    await fleet.run(600, 400, () => others.every(isAllServed));
    expect(others.every(isAllServed)).toBe(true);
  });

  it('is dense at once where its own answers are wrong, though those of many others are right', async () => {
    fleet = new Fleet(32);
    await fleet.run(600, 3200, () => fleet.members.every(isAllServed));
    const bad = fleet.followers[0]!;
    bad.runtime.breaking = 1;
    await fleet.run(600, 3200, () => bad.loop.state.withheld !== undefined);
    expect(bad.loop.state.withheld).toBe('disagreement');
    expect(thresholdOf(bad)).toBe(0);
    const others = fleet.members.filter((member) => member !== bad);
    expect(others.map((member) => member.loop.state.withheld)).toEqual(Array(31).fill(undefined));
    expect(others.every((member) => thresholdOf(member) > 0)).toBe(true);
  });
});
