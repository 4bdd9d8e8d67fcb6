import { describe, expect, it } from 'vitest';
import { ChangeHistory, type PastChange } from '../../../src/models/served/change-history.ts';

function change(at: number): PastChange {
  const detail = `mode auto, for the time ${at}`;
  return { at, state: 'warming', reason: 'operator', detail, threshold: 0, candidate: null, exposure: 0 };
}

describe('the history of a model', () => {
  it('holds the latest 200 changes, oldest first, those of an earlier server among them', () => {
    const history = new ChangeHistory([change(1), change(2)]);
    for (let at = 3; at <= 201; at++) history.add(change(at));
    expect(history.changes).toHaveLength(200);
    expect(history.changes.at(0)).toEqual(change(2));
    expect(history.changes.at(-1)).toEqual(change(201));
  });

  it('tells the change that a server goes on from once', () => {
    const history = new ChangeHistory([change(1)]);
    history.add(change(1));
    expect(history.changes).toEqual([change(1)]);
  });
});
