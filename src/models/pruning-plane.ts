import { filter, map, merge, type Observable, of, pairwise, switchMap, takeUntil, takeWhile } from 'rxjs';
import type { PruningPlane } from '../transport/http/pruning-routes.ts';
import type { ServingPlane } from './inference-plane.ts';
import { durabilityReport, pruningReport, pruningSummary } from './pruning-report.ts';
import type { ServedModel } from './served/served-model.ts';

/**
 * The control plane over the models of this process.
 *
 * @param current$ - what answers for a model now, then whatever takes its place; undefined once nothing does.
 * @param draining$ - emits when the server is about to stop, also to who comes later: what is followed then ends, since an
 *   open stream would keep the server from stopping.
 */
export function createPruningPlane(
  plane: ServingPlane,
  current$: (model: string) => Observable<ServedModel | undefined>,
  draining$: Observable<unknown>,
): PruningPlane {
  return {
    report: (model, version) => pruningReport(plane.served(model, version)),
    setMode: async (model, mode, threshold, version) => {
      const served = plane.served(model, version);
      const durability = await served.choose(mode, threshold);
      return { ...pruningReport(served), warning: undefined, ...durabilityReport(durability) };
    },
    follow: (model, { next, end }, version) => {
      const served = plane.served(model, version);
      const changes$ = (version === undefined ? current$(model) : of(served)).pipe(
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
  const changed$ = served.thermostat.state$.pipe(
    pairwise(),
    filter(([before, after]) => before.change !== after.change),
    map(() => served),
  );
  return merge(of(served), changed$);
}
