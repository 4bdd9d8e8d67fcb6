import type { HeaderOf } from '../../plane/authorization.ts';
import type { Caller } from '../../plane/control-access.ts';
import type { Call } from './call-context.ts';

/** An entry of a call's metadata, as a header. */
export function headerOf({ metadata }: Pick<Call, 'metadata'>): HeaderOf {
  return (name) => metadata.get(name)[0]?.toString();
}

/** Who makes a call: metadata are headers, `:authority` is the host. */
export function callerOf(call: Pick<Call, 'metadata' | 'getPeer' | 'getHost'>): Caller {
  return {
    header: headerOf(call),
    headerNames: Object.keys(call.metadata.getMap()),
    host: call.getHost(),
    remoteAddress: call.getPeer().replace(/:\d+$/, ''),
  };
}
