import { MemoryStore } from '../../../src/store/shared/memory-store.ts';
import type { SharedStore } from '../../../src/store/shared/shared-store.ts';
import { sharedStoreContract } from '../../contracts/shared-store-contract.ts';

const store = new MemoryStore();
/** All share one storage, which outlives whoever closes. */
const view = (): SharedStore =>
  new Proxy<SharedStore>(store, {
    get: (of, name: keyof SharedStore) => {
      const value = of[name];
      if (name === 'close') return () => Promise.resolve();
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });

sharedStoreContract('a shared store in memory', { open: () => Promise.resolve(view()) });
