import type { Logger } from 'pino';
import { filter, map, merge, type Observable, of, switchMap, takeUntil, takeWhile } from 'rxjs';
import { ServingError } from '../config/errors.ts';
import type { PruningPlane } from '../plane/pruning.ts';
import type { Durability } from '../store/choice.ts';
import { type LiveModels, liveModel } from './inference-plane.ts';
import {
  durabilityReport,
  pruningActivations,
  pruningHistory,
  pruningOverview,
  pruningReport,
  pruningSummary,
} from './pruning-report.ts';
import type { ServedModel } from './served/served-model.ts';

/** The models of this process, and their replacements. */
export interface FollowedModels extends LiveModels {
  /** The version of a model that answers now, then each one that replaces it; undefined while none answers. */
  current$(model: string): Observable<ServedModel | undefined>;
}

export interface RecordingOptions {
  /** Whether callers may read kept requests. */
  readonly allowRecord: boolean;
  /** Gets a line for every reading. */
  readonly log: Logger;
}

/**
 * The control plane over the models of this process.
 *
 * @param draining$ - emits (also to later subscribers) when the server is about to stop. Event streams then end, since an
 *   open one would keep the server from stopping.
 */
export function createPruningPlane(
  models: FollowedModels,
  draining$: Observable<unknown>,
  { allowRecord, log }: RecordingOptions,
): PruningPlane {
  const find = (name: string, version: string | undefined) => liveModel(models, name, version).served;
  return {
    overview: () => ({ models: models.names().map((name) => pruningOverview(find(name, undefined))) }),
    report: (model, version) => reportOf(find(model, version)),
    keptRequests: (model, from, limit, version) => {
      const { loop } = find(model, version);
      if (!allowRecord)
        throw new ServingError('FORBIDDEN', 'kept requests cannot be read: sampling.allowRecord is not set');
      const requests = loop.ladder.kept.since(from).slice(0, limit);
      if (requests.length > 0) log.info({ model, requests: requests.length }, 'kept requests were read');
      return requests;
    },
    activations: (model, version) => pruningActivations(find(model, version)),
    history: (model, version) => pruningHistory(find(model, version)),
    setMode: (model, mode, threshold, version) => {
      const served = find(model, version);
      return changedReport(served, served.choice.choose(mode, threshold));
    },
    goBack: (model, to, version) => {
      const served = find(model, version);
      return changedReport(served, served.choice.goBack(to));
    },
    follow: (model, { next, end }, version) => {
      const served = find(model, version);
      const changes$ = (version === undefined ? models.current$(model) : of(served)).pipe(
        takeWhile((now) => now !== undefined),
        switchMap(changesOf),
        map(pruningSummary),
        takeUntil(draining$),
      );
      const subscription = changes$.subscribe({ next, complete: end });
      return () => subscription.unsubscribe();
    },
  };
}

/** The report after an operator's choice, with what became of that. */
async function changedReport(served: ServedModel, chosen: Promise<Durability>) {
  const durability = await chosen;
  const reach = await served.choice.reach();
  const taken = reach === null ? {} : { taken: reach };
  return { ...(await reportOf(served)), warning: undefined, ...durabilityReport(durability), ...taken };
}

/** The report, with what there is to say of other replicas. */
function reportOf(served: ServedModel) {
  const report = pruningReport(served);
  const { sharing } = served;
  return sharing === undefined ? report : sharing.report().then((replicas) => ({ ...report, replicas }));
}

/** Emits the model at once, and after every change of its state. */
function changesOf(served: ServedModel): Observable<ServedModel> {
  const changed$ = served.loop.steps$.pipe(
    filter(({ before, after }) => before.change !== after.change),
    map(() => served),
  );
  return merge(of(served), changed$);
}
