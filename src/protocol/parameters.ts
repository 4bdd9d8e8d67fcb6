import { ServingError } from '../config/errors.ts';
import type { JsonValue } from './json/json-reader.ts';
import { quoted } from './quoted.ts';
import type { Parameter, Parameters } from './types.ts';

type Check = (value: Parameter) => boolean;

const isBoolean: Check = (value) => typeof value === 'boolean';
const isCount: Check = (value) =>
  typeof value === 'bigint'
    ? value >= 0n
    : typeof value === 'number' && Number.isInteger(value) && value >= 0;
const isPruning: Check = (value) => typeof value === 'boolean' || value === 'on' || value === 'off';

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
  ['pruning', [isPruning, "'on', 'off' or a boolean"]],
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
    if (!isParameter(parameter)) {
      throw invalid(`${where}: parameter ${quoted(name)} must be a string, a number or a boolean`);
    }
    if (name.startsWith('shared_memory_')) throw invalid(`${where}: shared memory is not supported`);
    parameters[name] = parameter;
  }
  return parameters;
}

function isParameter(value: JsonValue): value is Parameter {
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' || type === 'bigint';
}

/**
 * Parameters as a JSON object, integers of 64 bits exactly.
 *
 * @returns text such as `{"sequence_id":18446744073709551615}`.
 */
export function parametersJson(parameters: Parameters): string {
  const members = Object.entries(parameters).map(
    ([name, value]) =>
      `${JSON.stringify(name)}:${typeof value === 'bigint' ? String(value) : JSON.stringify(value)}`,
  );
  return `{${members.join(',')}}`;
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
    checkValue(parameters, name);
  }
}

function checkValue(parameters: Parameters, name: string): void {
  const reserved = RESERVED.get(name);
  if (reserved === undefined || reserved[0](parameters[name]!)) return;
  throw invalid(`request: parameter '${name}' must be ${reserved[1]}`);
}

/**
 * Whether a request wants the dense answer: `pruning` is "off" or `false`. "on", `true` and absence leave it to the model.
 *
 * @throws ServingError INVALID_REQUEST for any other value.
 */
export function wantsDense(parameters: Parameters): boolean {
  const { pruning } = parameters;
  if (pruning === undefined) return false;
  checkValue(parameters, 'pruning');
  return pruning === 'off' || pruning === false;
}

/**
 * Name of the stream that a request is of, by `sequence_id`; undefined: it names none, which the protocol also says by 0 and "".
 */
export function sequenceOf({ sequence_id: id }: Parameters): string | undefined {
  return id === undefined || id === '' || Number(id) === 0 ? undefined : String(id);
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
  if (isCount(value)) return Number(value);
  throw invalid(`${where}: parameter '${name}' must be a non-negative integer`);
}
