import { ServingError } from '../../config/errors.ts';
import type { Mode } from '../../config/modes.ts';
import { lastGoodOf } from '../../control/phases/last-good.ts';
import type { ControlLoop } from '../../loop/control-loop.ts';
import type { Choice, Durability } from '../../store/choice.ts';
import type { ModelPersistence } from '../../store/model-persistence.ts';
import type { ModelSharing, Reach } from './model-sharing.ts';

const NOT_DURABLE: Durability = { durable: false, reason: 'this server keeps no state (store.enabled)' };

export interface ModelChoiceParts {
  readonly loop: ControlLoop;
  /** Hash of the model file. */
  readonly hash: string;
  readonly version: string;
  readonly persistence: ModelPersistence | undefined;
  readonly sharing: ModelSharing | undefined;
  /** Made before; null: none. */
  readonly choice: Choice | null;
}

/** What the operator has chosen for a model: applied at once, kept, and told to the other replicas. */
export class ModelChoice {
  readonly #parts: ModelChoiceParts;
  #choice: Choice | null;

  constructor(parts: ModelChoiceParts) {
    this.#parts = parts;
    this.#choice = parts.choice;
  }

  /** Null: none. */
  get latest(): Choice | null {
    const isRevoked = this.#parts.loop.state.fixed?.doubt === 'disagreement';
    return this.#choice && isRevoked ? { ...this.#choice, isRevoked } : this.#choice;
  }

  /** Whether the choice outlives a restart; null without a choice. */
  get durability(): Durability | null {
    return this.#choice && (this.#parts.persistence?.durability ?? NOT_DURABLE);
  }

  /** Takes the choices of other replicas from now on, and tells them of the own one. */
  share(): void {
    const { sharing, loop } = this.#parts;
    sharing?.attach(loop, this.#choice, (heard) => void this.#take(heard));
  }

  /**
   * Goes back to the last good threshold, as mode `fixed`: see `choose`.
   *
   * @param to - where the operator expects to come to; undefined: wherever that is.
   * @throws ServingError CONFLICT if there is none, or it is another one.
   */
  async goBack(to: number | undefined): Promise<Durability> {
    const found = lastGoodOf(this.#parts.loop.state);
    if (found.kind === 'none')
      throw new ServingError('CONFLICT', `there is no last good threshold: ${found.reason}`);
    const { threshold, present } = found;
    if (to !== undefined && to !== threshold)
      throw new ServingError('CONFLICT', `the last good threshold is τ = ${threshold} by now, not ${to}`);
    return this.choose('fixed', threshold, present);
  }

  /**
   * Applies a mode at once, and tells the other replicas; resolves when it is written, or cannot be written.
   *
   * @param backFrom - the threshold that is gone back from; undefined: the mode is simply another.
   */
  async choose(mode: Mode, threshold: number | undefined, backFrom?: number): Promise<Durability> {
    const { sharing, hash, version } = this.#parts;
    const now = sharing?.replica.lease.wallMs ?? Date.now();
    const choice: Choice = {
      mode,
      threshold: threshold ?? null,
      isRevoked: false,
      model: hash,
      version,
      at: Math.max(now, (this.#choice?.at ?? 0) + 1),
    };
    const kept = this.#take(choice, backFrom);
    sharing?.tell(choice);
    return kept;
  }

  /** By how many replicas the latest choice that was made here was taken; null: there are no others, or none was made. */
  async reach(): Promise<Reach | null> {
    return this.#parts.sharing?.reach() ?? null;
  }

  /** Applies a choice, made here or elsewhere. A fixed threshold that was chosen for another file is observed, not applied. */
  async #take(choice: Choice, backFrom?: number): Promise<Durability> {
    if (isSameChoice(choice, this.#choice)) return this.durability ?? NOT_DURABLE;
    const { loop, hash, version, persistence } = this.#parts;
    const isForThis = choice.model === hash && choice.version === version;
    const isObserved = choice.mode === 'fixed' && !isForThis;
    loop.setMode(
      isObserved ? 'observe' : choice.mode,
      isObserved ? undefined : (choice.threshold ?? undefined),
      choice.at,
      backFrom,
    );
    this.#choice = choice;
    return persistence?.choose(choice) ?? NOT_DURABLE;
  }
}

function isSameChoice(a: Choice, b: Choice | null): boolean {
  return b !== null && a.at === b.at && a.mode === b.mode && a.threshold === b.threshold;
}
