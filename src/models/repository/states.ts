import type { IndexEntry } from '../../plane/repository.ts';
import type { ServedModel } from '../served/served-model.ts';
import { unreadableText } from './unreadable.ts';

/** Where a version of a model stands. */
export type VersionState =
  | { readonly kind: 'loading' }
  | {
      readonly kind: 'ready';
      readonly served: ServedModel;
      readonly fingerprint: string;
      /** Why files that came later are not what answers; empty where they are. */
      readonly refused: string;
    }
  /** Takes no request any more; those under way finish. */
  | { readonly kind: 'unloading' }
  | { readonly kind: 'unavailable'; readonly reason: string };

/**
 * A version's line in the repository's index.
 *
 * @param unreadable - why the model's files cannot be read at present; undefined: they can.
 */
export function indexEntry(
  name: string,
  version: string,
  state: VersionState,
  unreadable: string | undefined,
): IndexEntry {
  const told = unreadable === undefined ? '' : unreadableText(unreadable);
  switch (state.kind) {
    case 'ready':
      return state.served.runtime.isReady
        ? { name, version, state: 'READY', reason: state.refused || told }
        : {
            name,
            version,
            state: 'UNAVAILABLE',
            reason: state.served.runtime.stuck ?? 'its workers are being replaced',
          };
    case 'unavailable':
      return { name, version, state: 'UNAVAILABLE', reason: state.reason };
    case 'loading':
      return { name, version, state: 'LOADING', reason: '' };
    case 'unloading':
      return { name, version, state: 'UNLOADING', reason: '' };
  }
}
