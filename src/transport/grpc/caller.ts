import type { HeaderOf } from '../../plane/authorization.ts';
import type { Caller } from '../../plane/control-access.ts';
import type { Call } from './call-context.ts';

/** Reads a call's metadata like headers. */
export function headerOf({ metadata }: Pick<Call, 'metadata'>): HeaderOf {
  return (name) => metadata.get(name)[0]?.toString();
}

/** The caller of an RPC: metadata as headers, `:authority` as host. */
export function callerOf(call: Pick<Call, 'metadata' | 'getPeer' | 'getHost'>): Caller {
  return {
    header: headerOf(call),
    headerNames: Object.keys(call.metadata.getMap()),
    host: call.getHost(),
    remoteAddress: call.getPeer().replace(/:\d+$/, ''),
  };
}
