import type { IndexEntry } from '../../plane/repository.ts';
import type { ServedModel } from '../served/served-model.ts';
import { unreadableText } from './unreadable-models.ts';

/** State of one version of a model. */
export type VersionState =
  | { readonly kind: 'loading' }
  | {
      readonly kind: 'ready';
      readonly served: ServedModel;
      readonly fingerprint: string;
      /** Why newer files are not served; empty if they are. */
      readonly refused: string;
    }
  /** Accepts no new requests; those under way finish. */
  | { readonly kind: 'unloading' }
  | { readonly kind: 'unavailable'; readonly reason: string };

/**
 * A version's entry in the repository's index.
 *
 * @param unreadable - why the model's files cannot be read now; undefined if they can.
 */
export function indexEntry(
  name: string,
  version: string,
  state: VersionState,
  unreadable: string | undefined,
): IndexEntry {
  const note = unreadable === undefined ? '' : unreadableText(unreadable);
  switch (state.kind) {
    case 'ready':
      return state.served.runtime.isReady
        ? { name, version, state: 'READY', reason: state.refused || note }
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
