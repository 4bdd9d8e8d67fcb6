import { ServingError } from '../config/errors.ts';
import type { JsonValue } from './json/json-reader.ts';
import { quoted } from './quoted.ts';
import type { Parameter, Parameters } from './types.ts';

type Check = (value: Parameter) => boolean;

const isBoolean: Check = (value) => typeof value === 'boolean';
const isCount: Check = (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0;

/** Request parameters that have a meaning of their own, and the values they take. */
const RESERVED: ReadonlyMap<string, readonly [Check, string]> = new Map([
  [
    'sequence_id',
    [(value) => typeof value === 'string' || isCount(value), 'a string or a non-negative integer'],
  ],
  ['sequence_start', [isBoolean, 'a boolean']],
  ['sequence_end', [isBoolean, 'a boolean']],
  ['priority', [isCount, 'a non-negative integer']],
  ['timeout', [isCount, 'a non-negative integer of microseconds']],
  ['binary_data_output', [isBoolean, 'a boolean']],
]);

const NONE: Parameters = Object.freeze(Object.create(null));

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}

/**
 * Reads a `parameters` object.
 *
 * @param where - 'request', "input 'x'" or "output 'y'", for messages.
 * @throws ServingError INVALID_REQUEST for anything but an object of strings, numbers and booleans.
 */
export function readParameters(value: JsonValue | undefined, where: string): Parameters {
  if (value === undefined) return NONE;
  if (!(value instanceof Map)) throw invalid(`${where}: 'parameters' must be an object`);
  const parameters: Record<string, Parameter> = Object.create(null);
  for (const [name, parameter] of value as ReadonlyMap<string, JsonValue>) {
    if (typeof parameter !== 'string' && typeof parameter !== 'number' && typeof parameter !== 'boolean') {
      throw invalid(`${where}: parameter ${quoted(name)} must be a string, a number or a boolean`);
    }
    if (name.startsWith('shared_memory_')) throw invalid(`${where}: shared memory is not supported`);
    parameters[name] = parameter;
  }
  return parameters;
}

/**
 * Checks the names that the protocol reserves at the level of the request.
 *
 * @throws ServingError INVALID_REQUEST for a reserved name that is refused, or one with a value of the wrong type.
 */
export function checkReserved(parameters: Parameters): void {
  for (const name in parameters) {
    if (name.startsWith('triton_') || name === 'headers') {
      throw invalid(`request: parameter ${quoted(name)} is reserved and must not be given`);
    }
    const reserved = RESERVED.get(name);
    if (reserved !== undefined && !reserved[0](parameters[name]!)) {
      throw invalid(`request: parameter '${name}' must be ${reserved[1]}`);
    }
  }
}

/** A boolean parameter; undefined where it is absent. */
export function booleanParameter(parameters: Parameters, name: string, where: string): boolean | undefined {
  const value = parameters[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalid(`${where}: parameter '${name}' must be a boolean`);
}

/** A non-negative integer parameter; undefined where it is absent. */
export function countParameter(parameters: Parameters, name: string, where: string): number | undefined {
  const value = parameters[name];
  if (value === undefined) return undefined;
  if (isCount(value)) return value as number;
  throw invalid(`${where}: parameter '${name}' must be a non-negative integer`);
}
