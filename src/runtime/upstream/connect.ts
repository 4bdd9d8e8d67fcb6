import { parseAddress } from './address.ts';
import type { Headers, UpstreamClient } from './client.ts';

/**
 * A client of an upstream server. Nothing is connected yet.
 *
 * @param headers - sent with every request that brings none of the same name.
 * @throws ServingError CONFIG_INVALID
 */
export async function connectUpstream(url: string, headers: Headers): Promise<UpstreamClient> {
  const address = parseAddress(url);
  // Neither is loaded by those who do not use it.
  if (address.protocol === 'grpc') {
    const { GrpcClient } = await import('./grpc-client.ts');
    return new GrpcClient(address, headers);
  }
  const { HttpClient } = await import('./http-client.ts');
  return new HttpClient(address, headers);
}
