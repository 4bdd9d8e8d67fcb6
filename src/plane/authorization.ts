import { hash, timingSafeEqual } from 'node:crypto';

/** What opens the server. Where there is none, the data plane is open, and the control plane is for loopback. */
export interface Tokens {
  readonly data?: string | undefined;
  /** Opens the data plane too. */
  readonly control?: string | undefined;
}

/** A header of HTTP, or an entry of gRPC's metadata, by its name in lower case. */
export type HeaderOf = (name: string) => string | undefined;

/** Whether a request may use the data plane. */
export function mayUseData(header: HeaderOf, { data, control }: Tokens): boolean {
  if (data === undefined) return true;
  const isControl = control !== undefined && carries(header, control);
  return carries(header, data) || isControl;
}

/** Whether a request carries a token, as `X-API-Key` or else as `Authorization: Bearer`. */
export function carries(header: HeaderOf, token: string): boolean {
  const key = header('x-api-key');
  return key === undefined ? authorized(header('authorization'), token) : isSecret(key, token);
}

/**
 * Whether an `Authorization` header, of HTTP or of gRPC's metadata, carries a bearer token.
 *
 * The time it takes tells nothing about the token: digests of one length are compared, whatever was given.
 */
export function authorized(header: string | undefined, token: string): boolean {
  const given = /^bearer +(\S+) *$/i.exec(header ?? '')?.[1] ?? '';
  return isSecret(given, token);
}

/** Whether a text is a secret, in a time that does not depend on either. */
export function isSecret(given: string, secret: string): boolean {
  let expected = EXPECTED.get(secret);
  if (expected === undefined) {
    expected = digest(secret);
    EXPECTED.set(secret, expected);
  }
  return timingSafeEqual(digest(given), expected);
}

/** Digests of the secrets of this process: few, and each is asked about with every request. */
const EXPECTED = new Map<string, Buffer>();

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
