import { filter, map, type Observable, pairwise, takeUntil } from 'rxjs';
import type { PruningPlane } from '../http/pruning-routes.ts';
import type { ServingPlane } from './plane.ts';
import { pruningReport, pruningSummary } from './report.ts';

/**
 * The control plane over the models of this process.
 *
 * @param draining$ - emits when the server is about to stop, also to who comes later: what is followed then ends, since an
 *   open stream would keep the server from stopping.
 */
export function createPruningPlane(plane: ServingPlane, draining$: Observable<unknown>): PruningPlane {
  return {
    report: (model) => pruningReport(plane.served(model)),
    setMode: (model, mode, threshold) => {
      const served = plane.served(model);
      served.thermostat.setMode(mode, threshold, Date.now());
      return served.kept();
    },
    follow: (model, { next, end }) => {
      const served = plane.served(model);
      next(pruningSummary(served));
      const changes$ = served.thermostat.state$.pipe(
        pairwise(),
        filter(([before, after]) => before.change !== after.change),
        map(() => pruningSummary(served)),
        takeUntil(draining$),
      );
      const subscription = changes$.subscribe({ next, complete: end });
      return () => subscription.unsubscribe();
    },
  };
}
