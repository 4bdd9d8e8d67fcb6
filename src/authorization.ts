import { hash, timingSafeEqual } from 'node:crypto';

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
