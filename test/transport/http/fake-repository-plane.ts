import { ServingError } from '../../../src/config/errors.ts';
import { unknownModel } from '../../../src/plane/inference.ts';
import type { IndexEntry, RepositoryPlane } from '../../../src/plane/repository.ts';

/** A repository of two models, of which 'bad' cannot be loaded, that remembers what it was told. */
export class FakeRepositoryPlane implements RepositoryPlane {
  readonly told: string[] = [];
  entries: readonly IndexEntry[] = [
    { name: 'bad', version: '1', state: 'UNAVAILABLE', reason: 'broken' },
    { name: 'fixed', version: '1', state: 'READY', reason: '' },
    { name: 'fixed', version: '3', state: 'READY', reason: '' },
  ];

  async index() {
    return this.entries;
  }

  async load(model: string) {
    this.#tell(`load ${model}`, model);
    if (model === 'bad') throw new ServingError('INVALID_REQUEST', `failed to load 'bad': version 1: broken`);
  }

  async unload(model: string) {
    this.#tell(`unload ${model}`, model);
  }

  #tell(what: string, model: string): void {
    if (!this.entries.some(({ name }) => name === model)) throw unknownModel(model);
    this.told.push(what);
  }
}
