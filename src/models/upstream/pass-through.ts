import type { Config } from '../../config/schema.ts';
import type { GrpcPassThrough, PassThrough } from '../../plane/pass-through.ts';
import { parseAddress } from '../../runtime/upstream/address.ts';
import type { GrpcPass } from '../../runtime/upstream/pass-grpc.ts';
import type { HttpPass } from '../../runtime/upstream/pass-http.ts';

export interface OpenedPass extends PassThrough {
  /** Calls of gRPC; undefined: no address is of that protocol. */
  readonly openGrpc: () => Promise<GrpcPassThrough | undefined>;
  readonly close: () => Promise<void>;
}

/**
 * What goes to the upstream server untouched: requests to models that are not served here, and paths that are unknown here, in the
 * protocols that its addresses are of. Its clients are loaded when they are needed.
 *
 * @param has - whether a model is served here.
 * @returns undefined without an upstream server.
 */
export function passThroughOf(
  { upstream, control }: Config,
  has: (model: string) => boolean,
): OpenedPass | undefined {
  const { url, passThroughUrl, token, forwardHeaders } = upstream;
  if (url === undefined) return undefined;
  const addresses = [url, passThroughUrl].flatMap((one) => (one === undefined ? [] : [parseAddress(one)]));
  const own = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const passesAuthorization = forwardHeaders.some((name) => name.toLowerCase() === 'authorization');
  const httpAddress = addresses.find(({ protocol }) => protocol === 'http');
  const grpcAddress = addresses.find(({ protocol }) => protocol === 'grpc');
  let http: Promise<HttpPass> | undefined;
  let grpc: Promise<GrpcPass> | undefined;
  return {
    controlToken: control.token,
    passes: (model) => !has(model),
    http:
      httpAddress &&
      (async (request) => {
        http ??= import('../../runtime/upstream/pass-http.ts').then(({ httpPass }) =>
          httpPass(httpAddress, own, passesAuthorization),
        );
        return (await http).ask(request);
      }),
    openGrpc: async () => {
      if (grpcAddress === undefined) return undefined;
      grpc ??= import('../../runtime/upstream/pass-grpc.ts').then(({ grpcPass }) =>
        grpcPass(grpcAddress, own, passesAuthorization),
      );
      return grpc;
    },
    close: async () => {
      (await grpc)?.close();
      await (await http)?.close();
    },
  };
}
