import { ServingError } from '../../config/errors.ts';

/** Where an upstream server listens, and what it speaks there. */
export interface UpstreamAddress {
  readonly protocol: 'http' | 'grpc';
  readonly isSecure: boolean;
  /** Host and port. */
  readonly authority: string;
  /** As it was given, for messages. */
  readonly url: string;
}

const FORM = /^(https?|grpcs?):\/\/([^/?#@\s]+)\/?$/i;
const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443, grpc: 8001, grpcs: 8001 };

/** @throws ServingError CONFIG_INVALID */
export function parseAddress(url: string): UpstreamAddress {
  const [, scheme = '', host = ''] = FORM.exec(url) ?? [];
  const isPort = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(host);
  const port = isPort?.[2] === undefined ? undefined : Number(isPort[2]);
  if (isPort === null || (port !== undefined && (port === 0 || port > 65_535)))
    throw new ServingError(
      'CONFIG_INVALID',
      `upstream '${url}': expected http://host:port or grpc://host:port (https, grpcs with TLS)`,
    );
  const name = scheme.toLowerCase();
  return {
    protocol: name.startsWith('http') ? 'http' : 'grpc',
    isSecure: name === 'https' || name === 'grpcs',
    authority: port === undefined ? `${host}:${PORTS[name]}` : host,
    url,
  };
}
