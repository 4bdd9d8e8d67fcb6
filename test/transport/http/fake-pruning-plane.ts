import { ServingError } from '../../../src/config/errors.ts';
import type { Mode } from '../../../src/config/modes.ts';
import { unknownModel } from '../../../src/plane/inference.ts';
import type { Follower, PruningPlane, Unfollow } from '../../../src/plane/pruning.ts';

import type { NumberedRequest } from '../../../src/protocol/npz.ts';

/** A control plane of one model, 'm', that remembers what it was told. */
export class FakePruningPlane implements PruningPlane {
  mode: Mode = 'auto';
  threshold: number | undefined;
  /** Undefined: nobody may read them. */
  kept: NumberedRequest[] | undefined;
  /** Undefined: there is none. */
  lastGood: number | undefined;
  readonly followers = new Set<Follower>();

  overview() {
    return { models: [this.report('m')] };
  }

  report(model: string) {
    if (model !== 'm') throw unknownModel(model);
    return { model, mode: this.mode, threshold: this.threshold ?? 0 };
  }

  keptRequests(model: string, from: number, limit: number): readonly NumberedRequest[] {
    this.report(model);
    if (this.kept === undefined) throw new ServingError('FORBIDDEN', 'nobody may read kept requests');
    return this.kept.filter(({ number }) => number >= from).slice(0, limit);
  }

  activations(model: string) {
    return { model: this.report(model).model, threshold: null, current: null, reference: null, sites: [] };
  }

  history(model: string) {
    return { model: this.report(model).model, now: 0, changes: [] };
  }

  async setMode(model: string, mode: Mode, threshold: number | undefined): Promise<unknown> {
    this.report(model);
    this.mode = mode;
    this.threshold = threshold;
    for (const { next } of this.followers) next(this.report(model));
    return this.report(model);
  }

  async goBack(model: string, to: number | undefined): Promise<unknown> {
    this.report(model);
    if (this.lastGood === undefined || (to ?? this.lastGood) !== this.lastGood)
      throw new ServingError('CONFLICT', 'it is not there');
    return this.setMode(model, 'fixed', this.lastGood);
  }

  follow(model: string, follower: Follower): Unfollow {
    follower.next(this.report(model));
    this.followers.add(follower);
    return () => this.followers.delete(follower);
  }
}
