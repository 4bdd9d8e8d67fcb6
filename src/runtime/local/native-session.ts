import type { Tensor } from '../../protocol/types.ts';
import type { Kernels } from './kernels.ts';
import { loadAddon } from './native/addon.ts';
import type { Session, SessionOptions } from './session.ts';

/** A session of taustat's own addon, with operators that skip zeros. */
