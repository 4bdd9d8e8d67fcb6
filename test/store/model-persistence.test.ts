import { describe, expect, it } from 'vitest';
import { type ConfigInput, parseConfig } from '../../src/config/schema.ts';
import { step } from '../../src/control/phases/controller.ts';
import { controlOptionsOf } from '../../src/control/phases/options.ts';
import { comparedThresholds, production } from '../../src/control/phases/production.ts';
import { type ControllerState, initialState } from '../../src/control/phases/state.ts';
import type { Choice } from '../../src/store/choice.ts';
import { defaultStateFolder } from '../../src/store/keys.ts';
import { fingerprint, type PersistedModel, resumePointOf } from '../../src/store/resume-point.ts';
import { RECORD_VERSION, type StateRecord } from '../../src/store/store.ts';
import { pair, snapshot } from '../control/events.ts';

function subjectOf(config: ConfigInput = {}, hash = 'h'): PersistedModel {
  // Candidates are tried one after another, on the comparisons that a test brings.
  const parsed = parseConfig({ ...config, sampling: { keepInputsBytes: 0, ...config.sampling } });
  return { model: 'm', hash, config: parsed, control: controlOptionsOf(parsed) };
}

const SUBJECT = subjectOf();
const NOW = 1_800_000_000_000;

/** Fully applied at a threshold. */
function tracking(): ControllerState {
  let state = initialState('auto', undefined, SUBJECT.control);
  state = step(state, snapshot([1], { samples: 1e4 }), SUBJECT.control);
  while (production(state).threshold === 0 || production(state).share < 1)
    for (const threshold of comparedThresholds(state))
      state = step(state, pair(threshold, 0), SUBJECT.control);
  return state;
}

/** The record that a persistence of the subject would write. */
function recordOf(state: ControllerState): StateRecord {
  const settings = fingerprint(SUBJECT);
  return { version: RECORD_VERSION, model: SUBJECT.hash, settings, savedAt: NOW, state, reference: null };
}

describe('what is recalled', () => {
  it('is everything, for the same model under the same settings', () => {
    const state = tracking();
    const { state: recalled } = resumePointOf(recordOf(state), null, SUBJECT, NOW + 1000);
    expect(recalled).toEqual(state);
    expect(production(recalled)).toMatchObject({ threshold: 1, share: 1 });
  });

  it('is over how many requests they resemble each other, also without a reference, and of a record that does not say', () => {
    const record = recordOf(tracking());
    const recalled = (kept: StateRecord) => resumePointOf(kept, null, SUBJECT, NOW).blockRequests;
    expect(recalled({ ...record, blockRequests: 512 })).toBe(512);
    expect(recalled(JSON.parse(JSON.stringify({ ...record, blockRequests: 60 })))).toBe(60);
    expect(recalled(record)).toBeUndefined();
    const reference = { blockRequests: 36 } as StateRecord['reference'];
    expect(recalled({ ...record, reference })).toBe(36);
    for (const damaged of [0, -3, 1.5, Number.NaN, 'a', null])
      expect(recalled({ ...record, blockRequests: damaged as number })).toBeUndefined();
  });

  it.each<[string, PersistedModel, number]>([
    ['another model', subjectOf({}, 'other'), NOW],
    ['another objective', subjectOf({ agreement: { floor: 0.5 } }), NOW],
    ['another policy', subjectOf({ control: { policy: 'earliest' } }), NOW],
    ['other sites', subjectOf({ sites: { scheme: 'linear-inputs' } }), NOW],
    ['old evidence', SUBJECT, NOW + 86_400_001],
  ])('is nothing that was proven, for %s', (_, subject, now) => {
    const { state, reference } = resumePointOf(recordOf(tracking()), null, subject, now);
    expect([state.phase.kind, production(state).threshold, reference]).toEqual(['warming', 0, null]);
  });

  it('is nothing without a record', () => {
    expect(resumePointOf(null, null, SUBJECT, NOW).state).toEqual(
      initialState('auto', undefined, SUBJECT.control),
    );
  });

  it('is the mode that an operator chose, whatever the settings say and however old it is', () => {
    const off = step(tracking(), { kind: 'mode', at: 1, mode: 'off' }, SUBJECT.control);
    for (const subject of [SUBJECT, subjectOf({ agreement: { floor: 0.5 }, control: { mode: 'observe' } })]) {
      const { state } = resumePointOf(recordOf(off), null, subject, NOW + 1e12);
      expect([state.mode, production(state).threshold]).toEqual(['off', 0]);
    }
  });

  it('is the mode that an operator chose also when the file has changed', () => {
    const off = step(tracking(), { kind: 'mode', at: 1, mode: 'off' }, SUBJECT.control);
    const { state } = resumePointOf(recordOf(off), null, subjectOf({}, 'other'), NOW);
    expect([state.mode, state.phase.kind]).toEqual(['off', 'warming']);
  });

  it('is a threshold of the settings as the guard left it', () => {
    const fixed = subjectOf({ control: { mode: 'fixed', threshold: 3 } });
    let state = initialState('fixed', 3, fixed.control);
    for (let i = 0; i < 20; i++) state = step(state, pair(3, 1), fixed.control);
    expect(production(state).threshold).toBe(0);
    const kept = { ...recordOf(state), settings: fingerprint(fixed) };
    expect(production(resumePointOf(kept, null, fixed, NOW).state).threshold).toBe(0);
    const other = subjectOf({ control: { mode: 'fixed', threshold: 2 } });
    expect(production(resumePointOf(kept, null, other, NOW).state).threshold).toBe(2);
  });

  it('is an operator’s threshold with what speaks for and against it, and none of a record that does not tell its doubts', () => {
    let state = step(tracking(), { kind: 'mode', at: 1, mode: 'fixed', threshold: 3 }, SUBJECT.control);
    for (let i = 0; i < 100; i++) state = step(state, pair(3, 0), SUBJECT.control);
    const again = resumePointOf(recordOf(state), null, SUBJECT, NOW).state;
    expect(production(again).threshold).toBe(3);
    expect(again.fixed!.watch).toEqual(state.fixed!.watch);
    const older = { ...state, fixed: { threshold: 3, isRevoked: false } } as unknown as ControllerState;
    const recalled = resumePointOf(recordOf(older), null, SUBJECT, NOW).state;
    expect([recalled.mode, production(recalled).threshold]).toEqual(['fixed', 0]);
    expect(() => step(recalled, pair(3, 0), SUBJECT.control)).not.toThrow();
  });

  it('reaches production in stages where it was only observed', () => {
    const observed: ControllerState = { ...tracking(), mode: 'observe' };
    expect(production(resumePointOf(recordOf(observed), null, SUBJECT, NOW).state)).toMatchObject({
      share: 0.01,
    });
  });

  it.each<[string, (state: ControllerState) => unknown]>([
    ['without a search', (state) => ({ ...state, phase: { ...state.phase, search: undefined } })],
    ['of another mode', (state) => ({ ...state, mode: 'banana' })],
  ])('is nothing of a damaged record: %s', (_, damage) => {
    const damaged = damage(tracking()) as ControllerState;
    expect(resumePointOf(recordOf(damaged), null, SUBJECT, NOW).state).toMatchObject({
      mode: 'auto',
      phase: { kind: 'warming' },
    });
  });

  it('is nothing where no request will be sampled, or the model was off meanwhile', () => {
    const blind = subjectOf({ sampling: { ratio: 0 } });
    expect(resumePointOf(recordOf(tracking()), null, blind, NOW).state.phase.kind).toBe('warming');
    const off: ControllerState = { ...tracking(), mode: 'off' };
    expect(resumePointOf(recordOf(off), null, SUBJECT, NOW).state.phase.kind).toBe('warming');
  });

  it('is the mode of the settings, where nobody chose another', () => {
    const { state } = resumePointOf(
      recordOf(tracking()),
      null,
      subjectOf({ control: { mode: 'observe' } }),
      NOW,
    );
    expect([state.mode, production(state).threshold]).toEqual(['observe', 0]);
  });
});

describe('settings', () => {
  it('that say nothing about the worth of evidence leave it as it is', () => {
    const patient = subjectOf({ sampling: { unverifiedSeconds: 5, unverifiedRequests: 7 } });
    expect(fingerprint(patient)).toBe(fingerprint(SUBJECT));
  });
});

describe('a choice', () => {
  const choice: Choice = {
    mode: 'fixed',
    threshold: 3,
    isRevoked: false,
    model: 'h',
    version: '1',
    at: NOW,
  };
  const off: Choice = { ...choice, mode: 'off', threshold: null };

  it('counts for more than what a record and the settings say, also without a record', () => {
    for (const record of [recordOf(tracking()), null]) {
      expect(
        resumePointOf(record, off, subjectOf({ control: { mode: 'observe' } }), NOW).state,
      ).toMatchObject({
        mode: 'off',
        modeBy: 'operator',
      });
    }
  });

  it('leaves what was proven as it is', () => {
    const auto: Choice = { ...off, mode: 'auto' };
    expect(production(resumePointOf(recordOf(tracking()), auto, SUBJECT, NOW).state).threshold).toBe(1);
  });

  it.each([
    ['the same file and version', choice, 'fixed', 3],
    ['another file', { ...choice, model: 'other' }, 'observe', 0],
    ['another version', { ...choice, version: '2' }, 'observe', 0],
    ['one that the guard has taken back', { ...choice, isRevoked: true }, 'fixed', 0],
  ] as const)('of a threshold holds for %s: %#', (_, made, mode, threshold) => {
    const { state } = resumePointOf(null, made, SUBJECT, NOW);
    expect([state.mode, production(state).threshold]).toEqual([mode, threshold]);
  });
});

describe('the folder', () => {
  it('is where the XDG specification has it', () => {
    expect(defaultStateFolder({ XDG_STATE_HOME: '/var/state' })).toBe('/var/state/taustat');
    expect(defaultStateFolder({})).toMatch(/\/\.local\/state\/taustat$/);
  });
});
