import { ServingError } from '../config/errors.ts';
import { authority } from './listen-address.ts';

/** The error for an address that cannot be listened on. @param flag - the option that chooses another. */
export function listenError(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  flag: string,
): ServingError {
  if (error.code === 'EADDRINUSE') {
    return new ServingError(
      'ADDRESS_IN_USE',
      `${authority(host, port)} is in use; choose another with ${flag}, or 0 for a free one`,
    );
  }
  return new ServingError('CONFIG_INVALID', `cannot listen on ${authority(host, port)}: ${error.message}`);
}
