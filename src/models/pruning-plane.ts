import { filter, map, merge, type Observable, of, switchMap, takeUntil, takeWhile } from 'rxjs';
import type { PruningPlane } from '../plane/pruning.ts';
import { type LiveModels, liveModel } from './inference-plane.ts';
import { durabilityReport, pruningHistory, pruningReport, pruningSummary } from './pruning-report.ts';
import type { ServedModel } from './served/served-model.ts';

/** The models of this process, and what takes their place. */
export interface FollowedModels extends LiveModels {
  /** What answers for a model now, then whatever takes its place; undefined once nothing does. */
  current$(model: string): Observable<ServedModel | undefined>;
}

/**
 * The control plane over the models of this process.
 *
 * @param draining$ - emits when the server is about to stop, also to who comes later: what is followed then ends, since an
 *   open stream would keep the server from stopping.
 */
export function createPruningPlane(models: FollowedModels, draining$: Observable<unknown>): PruningPlane {
  const find = (name: string, version: string | undefined) => liveModel(models, name, version).served;
  return {
    report: (model, version) => pruningReport(find(model, version)),
    history: (model, version) => pruningHistory(find(model, version)),
    setMode: async (model, mode, threshold, version) => {
      const served = find(model, version);
      const durability = await served.choose(mode, threshold);
      return { ...pruningReport(served), warning: undefined, ...durabilityReport(durability) };
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

/** The model at once, and again after every change of its state. */
function changesOf(served: ServedModel): Observable<ServedModel> {
  const changed$ = served.loop.steps$.pipe(
    filter(({ before, after }) => before.change !== after.change),
    map(() => served),
  );
  return merge(of(served), changed$);
}
