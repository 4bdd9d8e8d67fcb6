import { from, mergeMap, type Observable } from 'rxjs';
import type { Objective } from '../../control/guard/objective.ts';
import type { ControlEvent, EventOf } from '../../control/phases/event.ts';
import { appliedThreshold, comparedThreshold } from '../../control/phases/production.ts';
import type { ControllerState, ControlOptions } from '../../control/phases/state.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { ComparedAnswer, ShadowSample } from '../shadow-run.ts';
import type { Step } from '../step.ts';
import type { Streams } from '../streams.ts';
import { UncertaintyWatch } from '../uncertainty-watch.ts';
import { UncomparedAnswers } from '../uncompared-answers.ts';
import { AgreementWindow } from './agreement-window.ts';
import { MeasuredByThreshold, type MeasuredPruning } from './measured.ts';
import { topTwoMargin } from './top-two-margin.ts';

/** Comparisons that the agreement is read from. */
const AGREEMENT_COMPARISONS = 500;

/** From samples, and from answers that nobody compared, to what the controller hears of the answers. */
export class Comparisons {
  readonly agreement = new AgreementWindow(AGREEMENT_COMPARISONS);
  readonly uncertainty = new UncertaintyWatch();
  readonly byThreshold: MeasuredByThreshold;
  readonly #uncompared: UncomparedAnswers;
  readonly #streams: Pick<Streams, 'unitOf'>;
  readonly #state: () => ControllerState;

  /** @param state - the controller's, whenever it is asked. */
  constructor(
    sites: number,
    control: ControlOptions,
    streams: Pick<Streams, 'unitOf'>,
    state: () => ControllerState,
  ) {
    this.byThreshold = new MeasuredByThreshold(sites);
    this.#uncompared = new UncomparedAnswers(control);
    this.#streams = streams;
    this.#state = state;
  }

  /** What pruned runs really did at the threshold that answers are compared at. */
  get measured(): MeasuredPruning {
    return this.byThreshold.at(comparedThreshold(this.#state()));
  }

  /** One event per comparison, in the order of the samples. */
  events(samples$: Observable<ShadowSample>): Observable<EventOf<'comparison'>> {
    return samples$.pipe(
      mergeMap((sample) =>
        from(sample.comparisons).pipe(mergeMap((answer) => this.#compared(sample, answer))),
      ),
    );
  }

  /** Takes in how certain an answer is. O(its classes). @param threshold - that it was answered at; 0 is dense. */
  watch(threshold: number, outputs: readonly Tensor[], objective: Objective | null): void {
    const margin = topTwoMargin(outputs, objective);
    if (margin !== null) this.uncertainty.answered(threshold, margin);
  }

  /**
   * Takes in that an answer was pruned, or would have been but for want of comparisons. O(1).
   *
   * @param atMs - when it was answered, on the clock that only goes forward.
   * @returns how many in a row were not compared, when these are too many.
   */
  answered(atMs: number) {
    return this.#uncompared.add(atMs);
  }

  /** Comparisons belong to one threshold, and what was measured to one traffic. */
  follow({ event, before, after }: Step): void {
    if (comparedThreshold(before) !== comparedThreshold(after)) this.agreement.reset();
    if (before.epoch !== after.epoch) {
      this.uncertainty.reset();
      this.byThreshold.reset();
    }
    if (isOfProduction(before, event) || after.change !== before.change) this.#uncompared.end();
  }

  #compared(
    { at, histograms, isExtra, place }: ShadowSample,
    answer: ComparedAnswer,
  ): EventOf<'comparison'>[] {
    const { threshold, comparison, retained, isDue } = answer;
    if (retained !== null && !isExtra) this.byThreshold.at(threshold).add(histograms, retained);
    if (comparison === null) return [];
    const unit = place && this.#streams.unitOf(place);
    const { loss } = comparison;
    this.uncertainty.compared(threshold, loss);
    if (!isExtra && threshold === comparedThreshold(this.#state())) this.agreement.add(comparison, unit);
    return [{ kind: 'comparison', at, threshold, loss, isDue, ...(unit && { unit }) }];
  }
}

/** Whether an event says something of what most of production runs at, or would but for want of comparisons. */
function isOfProduction(state: ControllerState, event: ControlEvent): boolean {
  return (
    event.kind === 'comparison' && event.threshold === (appliedThreshold(state) || comparedThreshold(state))
  );
}
