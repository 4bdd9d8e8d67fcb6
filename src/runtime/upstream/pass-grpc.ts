import type { Duplex } from 'node:stream';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { GrpcPassThrough, PassedCall } from '../../plane/pass-through.ts';
import type { UpstreamAddress } from './address.ts';
import type { Headers } from './client.ts';

export interface GrpcPass extends GrpcPassThrough {
  readonly close: () => void;
}

/** Sends calls on as they are. See `httpPass`. */
export function grpcPass(
  { authority, isSecure }: UpstreamAddress,
  own: Headers,
  passesAuthorization: boolean,
): GrpcPass {
  const client = new Client(authority, isSecure ? credentials.createSsl() : credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
  });
  const metadataOf = ({ headers }: PassedCall): Metadata => {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(own)) metadata.set(name, value);
    for (const [name, value] of Object.entries(headers))
      if (name !== 'authorization' || passesAuthorization) metadata.set(name, value);
    return metadata;
  };
  return {
    unary: (path, message, call) =>
      new Promise((resolve, reject) => {
        const cancel = () => asked.cancel();
        const asked = client.makeUnaryRequest(
          path,
          asBuffer,
          (bytes) => bytes,
          message,
          metadataOf(call),
          (error, answer) => {
            call.signal.removeEventListener('abort', cancel);
            if (error === null) resolve(answer!);
            else reject(error);
          },
        );
        call.signal.addEventListener('abort', cancel, { once: true });
      }),
    stream: (path, call) => {
      const stream = client.makeBidiStreamRequest(path, asBuffer, (bytes) => bytes, metadataOf(call));
      call.signal.addEventListener('abort', () => stream.cancel(), { once: true });
      // A Duplex of Node's, which grpc-js types by itself.
      return stream as unknown as Duplex;
    },
    close: () => client.close(),
  };
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
