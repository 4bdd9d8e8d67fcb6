// One file of named typed arrays behind a JSON header: little-endian, every array aligned to 8 bytes.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

const TYPES = { Uint8Array, Uint16Array, Uint32Array, Int32Array, Float32Array, Float64Array };

/**
 * @typedef {Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array} Column
 * @typedef {Record<string, Column>} Columns
 */

/**
 * Writes beside the target first, so that an interrupted recording is never read.
 *
 * @param {string} path
 * @param {unknown} about - JSON.
 * @param {Columns} columns
 */
export function writeColumns(path, about, columns) {
  const index = Object.entries(columns).map(([name, column]) => ({
    name,
    type: column.constructor.name,
    length: column.length,
  }));
  const header = Buffer.from(JSON.stringify({ about, index }));
  const size = Buffer.alloc(8);
  size.writeUInt32LE(header.length);
  /** @type {Uint8Array[]} */
  const parts = [size, header, padding(header.length)];
  for (const { buffer, byteOffset, byteLength } of Object.values(columns)) {
    parts.push(Buffer.from(buffer, byteOffset, byteLength), padding(byteLength));
  }
  writeFileSync(`${path}.part`, Buffer.concat(parts));
  renameSync(`${path}.part`, path);
}

/**
 * @param {string} path
 * @returns {{ about: unknown, columns: Columns }} as they were written.
 */
export function readColumns(path) {
  const bytes = readFileSync(path);
  const { buffer } = bytes.byteOffset % 8 === 0 ? bytes : { buffer: bytes.slice().buffer };
  const from = bytes.byteOffset % 8 === 0 ? bytes.byteOffset : 0;
  const headerLength = bytes.readUInt32LE(0);
  const { about, index } = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));
  let at = from + aligned(8 + headerLength);
  /** @type {Columns} */
  const columns = {};
  for (const { name, type, length } of index) {
    const Type = TYPES[/** @type {keyof typeof TYPES} */ (type)];
    const column = new Type(/** @type {ArrayBuffer} */ (buffer), at, length);
    columns[name] = column;
    at += aligned(column.byteLength);
  }
  return { about, columns };
}

/** @param {number} length */
function aligned(length) {
  return (length + 7) & ~7;
}

/** @param {number} length */
function padding(length) {
  return Buffer.alloc(aligned(length) - length);
}
