/** Server reflection, v1 and v1alpha, for tools such as `grpcurl`. */
import { fileURLToPath } from 'node:url';
import type { Server, ServerDuplexStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import type { Tokens } from '../../plane/authorization.ts';
import { requireToken } from './rpc.ts';
import { statusOf } from './status.ts';

const PROTOS = ['open_inference.proto', 'model_config.proto', 'health.proto'].map((name) =>
  fileURLToPath(new URL(`../../../proto/${name}`, import.meta.url)),
);

type ReflectionCall = ServerDuplexStream<object, object>;

/** Adds both reflection services, which need the data token too. */
export function addReflection(server: Pick<Server, 'addService'>, tokens: Tokens): void {
  const reflection = new ReflectionService(loadSync(PROTOS, { keepCase: true }));
  reflection.addToServer({
    addService: (definition: Parameters<Server['addService']>[0], handlers: UntypedServiceImplementation) =>
      server.addService(definition, guarded(handlers, tokens)),
  } as Server);
}

function guarded(handlers: UntypedServiceImplementation, tokens: Tokens): UntypedServiceImplementation {
  const entries = Object.entries(handlers).map(([name, handler]) => [
    name,
    (call: ReflectionCall) => {
      try {
        requireToken(call, tokens);
      } catch (error) {
        call.emit('error', statusOf(error));
        return;
      }
      waitForReader(call);
      (handler as (call: ReflectionCall) => void)(call);
    },
  ]);
  return Object.fromEntries(entries);
}

/** Stops reading from a client that does not read its answers, which would fill the memory. */
function waitForReader(call: ReflectionCall): void {
  const write = call.write.bind(call);
  call.write = (...answer: Parameters<typeof write>) => {
    const hasRoom = write(...answer);
    if (!hasRoom) {
      call.pause();
      call.once('drain', () => call.resume());
    }
    return hasRoom;
  };
}
