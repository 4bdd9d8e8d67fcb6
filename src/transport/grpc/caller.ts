import type { Caller } from '../../plane/control-access.ts';
import { type Call, headerOf } from './call-context.ts';

/** The caller of an RPC: metadata as headers, `:authority` as host. */
export function callerOf(call: Pick<Call, 'metadata' | 'getPeer' | 'getHost'>): Caller {
  return {
    header: headerOf(call),
    headerNames: Object.keys(call.metadata.getMap()),
    host: call.getHost(),
    remoteAddress: call.getPeer().replace(/:\d+$/, ''),
  };
}
