import { z } from 'zod';

/** Schemas that have a name in the document, and are referred to by it. */
export const components = z.registry<{ readonly id: string }>();

/** A number that JSON has no value for while it is not known. */
export const known = () => z.number().nullable();
/** A share, 0–1. */
export const share = () => z.number().min(0).max(1);
/** Unix milliseconds of the server's clock. */
export const time = () => z.number();
