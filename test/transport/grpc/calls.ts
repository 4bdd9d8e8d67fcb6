/** Calls of any service that a `.proto` file describes, by a client that is not ours. */
import { fileURLToPath } from 'node:url';
import {
  type Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const PROTO_FOLDER = fileURLToPath(new URL('../../../proto/', import.meta.url));
const OPTIONS = { keepCase: true, longs: Number, enums: String, oneofs: true, defaults: true };

/** A client of a service, by its full name. @param proto - path of its file; relative: one of ours. */
export function clientOf(address: string, service: string, proto: string): Client {
  let found: unknown = loadPackageDefinition(loadSync(proto, { ...OPTIONS, includeDirs: [PROTO_FOLDER] }));
  for (const part of service.split('.')) found = (found as Record<string, unknown>)[part];
  return new (found as ServiceClientConstructor)(address, credentials.createInsecure());
}

type Method = (
  message: object,
  metadata: Metadata,
  settle: (error: ServiceError | null, answer: unknown) => void,
) => void;

/** One unary call. @throws ServiceError */
export function unary(
  client: Client,
  method: string,
  message: object,
  headers: Readonly<Record<string, string>> = {},
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says
): Promise<any> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve, reject) => {
    const settle = (error: ServiceError | null, answer: unknown) => (error ? reject(error) : resolve(answer));
    (client as unknown as Record<string, Method>)[method]!(message, metadata, settle);
  });
}
