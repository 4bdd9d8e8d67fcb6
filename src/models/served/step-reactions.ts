import type { SpanContext } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { distinctUntilChanged, filter, map, Subscription } from 'rxjs';
import { exposureIn, stateName } from '../../control/phases/production.ts';
import type { ChangeReason, ControllerState } from '../../control/phases/state.ts';
import type { ControlLoop } from '../../loop/control-loop.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { ModelPersistence } from '../../store/model-persistence.ts';
import type { Metrics, OfModel } from '../../telemetry/metrics.ts';
import { addSpan, traceFields } from '../../telemetry/tracing.ts';
import { ChangeHistory } from './change-history.ts';
import { countChange, type ExportedModel } from './model-metrics.ts';
import type { TimedPruning } from './timed-pruning.ts';

/** Changes that somebody should look at: answers were not as proven, nobody can tell, or the traffic is another. */
const WARNED_OF: ReadonlySet<ChangeReason> = new Set(['disagreement', 'drift', 'failure', 'unverified']);

export interface FollowedModel extends ExportedModel {
  readonly labels: OfModel;
  readonly runtime: Runtime;
  readonly sparse: TimedPruning | undefined;
  readonly history: ChangeHistory;
}

/** Changes of a model so far, from before the start of this server and at its start. */
export function historyOf(loop: ControlLoop, persistence: ModelPersistence | undefined): ChangeHistory {
  const before = persistence?.decisions.map(({ state, production, change }) => ({
    ...change,
    state,
    ...exposureIn(production, null),
  }));
  const history = new ChangeHistory(before);
  addChange(history, loop);
  return history;
}

/**
 * Reacts to the steps of a model's loop: they are kept and audited, sessions are prepared, changes logged, traced and counted.
 *
 * @param persistence - undefined: nothing is kept.
 */
export function followSteps(
  model: FollowedModel,
  persistence: ModelPersistence | undefined,
  metrics: Metrics,
  log: Logger,
): Subscription {
  const { loop, runtime, sparse, name, labels, history } = model;
  persistence?.follow(() => ({ ...loop.resumePoint, plan: sparse?.planToKeep ?? null }));
  const changes$ = loop.steps$.pipe(filter(({ before, after }) => before.change !== after.change));
  const followers = new Subscription();
  runtime.prepare(loop.applied);
  followers.add(
    loop.steps$.subscribe(({ event, after }) => {
      if (event.kind === 'tested') metrics.testResults.inc(labels);
      persistence?.onStep(event, after);
    }),
  );
  const applied$ = changes$.pipe(
    map(() => loop.applied),
    distinctUntilChanged(),
  );
  followers.add(applied$.subscribe((threshold) => runtime.prepare(threshold)));
  const setTarget = () => sparse?.setTarget(loop.exposure.candidate ?? 0);
  followers.add(changes$.subscribe(setTarget));
  setTarget();
  followers.add(
    changes$.subscribe(({ before, after }) => {
      const { mode, phase, change } = after;
      addChange(history, loop);
      countChange(metrics, model, before);
      const fields = { model: name, mode, phase: phase.kind, ...loop.exposure, reason: change.reason };
      const level = WARNED_OF.has(change.reason) ? 'warn' : 'info';
      log[level]({ ...fields, ...traceFields(traceChange(name, loop, after)) }, change.detail);
    }),
  );
  return followers;
}

/** The state at a start has no time, so it gets the present one. */
function addChange(history: ChangeHistory, { state, exposure }: ControlLoop): void {
  const { at, reason, detail } = state.change;
  history.add({ at: at === 0 ? Date.now() : at, reason, detail, state: stateName(state), ...exposure });
}

function traceChange(
  name: string,
  { applied, exposure }: ControlLoop,
  { change: { reason, detail }, mode }: ControllerState,
): SpanContext {
  const now = performance.now();
  return addSpan('taustat.threshold', now, now, {
    'taustat.model': name,
    'taustat.mode': mode,
    'taustat.threshold': applied,
    'taustat.exposure': exposure.exposure,
    'taustat.reason': reason,
    'taustat.evidence': detail,
  });
}
