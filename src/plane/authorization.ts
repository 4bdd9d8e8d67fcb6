import { hash, timingSafeEqual } from 'node:crypto';

/** The tokens of a server. Without a data token the data plane is open; without a control token only loopback may make changes. */
export interface Tokens {
  readonly data?: string | undefined;
  /** Valid for the data plane too. */
  readonly control?: string | undefined;
}

/** Returns an HTTP header, or an entry of gRPC metadata, by its name in lower case. */
export type HeaderOf = (name: string) => string | undefined;

/** Whether a request may use the data plane. */
export function mayUseDataPlane(header: HeaderOf, { data, control }: Tokens): boolean {
  if (data === undefined) return true;
  const isControl = control !== undefined && hasToken(header, control);
  return hasToken(header, data) || isControl;
}

/** Whether a request has this token, in `X-API-Key` or else in `Authorization: Bearer`. */
export function hasToken(header: HeaderOf, token: string): boolean {
  const key = header('x-api-key');
  return key === undefined ? hasBearerToken(header('authorization'), token) : matchesSecret(key, token);
}

/**
 * Whether an `Authorization` header has this bearer token.
 *
 * Takes constant time: digests of equal length are compared.
 */
export function hasBearerToken(header: string | undefined, token: string): boolean {
  const given = /^bearer +(\S+) *$/i.exec(header ?? '')?.[1] ?? '';
  return matchesSecret(given, token);
}

/** Whether a text equals a secret, in constant time. */
export function matchesSecret(given: string, secret: string): boolean {
  let expected = DIGESTS.get(secret);
  if (expected === undefined) {
    expected = digest(secret);
    DIGESTS.set(secret, expected);
  }
  return timingSafeEqual(digest(given), expected);
}

/** Cached digests of this process's secrets, which every request is checked against. */
const DIGESTS = new Map<string, Buffer>();

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
