/** What is worth a line of the log. */
export interface ReplicaNews {
  readonly kind: 'decides' | 'follows' | 'lost' | 'back' | 'refused' | 'alike';
  readonly detail: string;
}

/** What a replica tells of the others and of the store: what is wrong is told when it begins, and not again while it lasts. */
export class News {
  readonly tell: (kind: ReplicaNews['kind'], detail: string) => void;
  readonly #place: string;
  readonly #refused = new Map<string, string>();
  #problem: string | null = null;

  /** @param place - of the store. */
  constructor(place: string, onNews: ((news: ReplicaNews) => void) | undefined) {
    this.#place = place;
    this.tell = (kind, detail) => onNews?.({ kind, detail });
  }

  /** What is wrong with the store; null: nothing. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Records that were refused: of what kind, and why the latest. */
  get refused(): ReadonlyMap<string, string> {
    return this.#refused;
  }

  answered(): void {
    if (this.#problem === null) return;
    this.#problem = null;
    this.tell('back', `${this.#place} answers again`);
  }

  failed(problem: string): void {
    const isNew = this.#problem === null;
    this.#problem = problem;
    if (isNew) this.tell('lost', problem);
  }

  refuse(what: string, reason: string): void {
    if (this.#refused.get(what) === reason) return;
    this.#refused.set(what, reason);
    this.tell('refused', `${what} in ${this.#place} refused: ${reason}`);
  }
}
