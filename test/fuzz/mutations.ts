import type { Dice } from './dice.ts';
import { leaf, nodes, type Tree, text } from './json-tree.ts';

const ODD_TEXTS = [
  ...['0', '-0', '1', '-1', '1.5', '1.0', '1e2', '01', '+1', '.5', '1.', '0x10', '1e400', '-1e400', '1e-400'],
  ...['255', '256', '-129', '65536', '4294967296', '9007199254740993', '9223372036854775807'],
  ...['9223372036854775808', '-9223372036854775809', '18446744073709551616', '1152921504606846978'],
  ...['NaN', 'Infinity', '-Infinity', 'nan', 'true', 'false', 'null', 'undefined', '', ' ', '\n'],
  ...['""', '"x"', '"y"', '"\\u0000"', '"\\ud800"', '"\\q"', '"', "'x'", '"FP32"', '"BYTES"', '"fp32"'],
  ...['[]', '{}', '[[]]', '[1]', '[-1]', '{"a":1}', '[1,2,3,4]', '[[1,2],[3]]', ',', ']', '}', ':'],
] as const;

const KEYS = [
  ...['inputs', 'outputs', 'id', 'parameters', 'name', 'shape', 'datatype', 'data', 'model_name'],
  ...['binary_data_size', 'binary_data', 'binary_data_output', 'timeout', 'priority', 'sequence_id'],
  ...['sequence_start', 'classification', 'shared_memory_region', 'triton_x', 'headers', 'pruning'],
  ...['__proto__', 'constructor', 'toString', '', 'a\u0000'],
] as const;

/** Changes one node of a tree, in place. */
export function mutateTree(root: Tree, dice: Dice): void {
  const node = dice.pick(nodes(root));
  switch (node.kind) {
    case 'leaf':
      node.text = dice.chance(0.1) ? deep(dice) : dice.pick(ODD_TEXTS);
      return;
    case 'list':
      mutateSlots(node.items, dice, () => leaf(dice.pick(ODD_TEXTS)));
      return;
    default:
      if (node.members.length > 0 && dice.chance(0.4)) mutateMember(dice.pick(node.members), dice);
      else mutateSlots(node.members, dice, () => ({ key: dice.pick(KEYS), value: oddValue(dice) }));
  }
}

function mutateMember(member: { key: string; value: Tree }, dice: Dice): void {
  if (dice.chance(0.3)) member.key = dice.pick(KEYS);
  else member.value = oddValue(dice);
}

function oddValue(dice: Dice): Tree {
  return dice.chance(0.2) ? text(dice.pick(KEYS)) : leaf(dice.pick(ODD_TEXTS));
}

/** Removes, repeats, swaps or adds a slot. */
function mutateSlots<T>(slots: T[], dice: Dice, made: () => T): void {
  const at = dice.below(slots.length + 1);
  const slot = slots[at];
  if (slot === undefined || dice.chance(0.3)) slots.splice(at, 0, made());
  else if (dice.chance(0.4)) slots.splice(at, 1);
  else if (dice.chance(0.5)) slots.splice(at, 0, slot);
  else slots.push(...slots.splice(at, 1));
}

function deep(dice: Dice): string {
  const depth = dice.pick([50, 96, 97, 98, 99, 100, 101, 5000]);
  return dice.chance(0.5) ? '['.repeat(depth) + ']'.repeat(depth) : '['.repeat(depth);
}

/** Changes bytes anywhere: flipped, cut, repeated, inserted, moved. */
export function mutateBytes(bytes: Uint8Array, dice: Dice): Uint8Array {
  let changed = Uint8Array.from(bytes);
  for (let edits = 1 + dice.below(4); edits > 0; edits--) changed = edited(changed, dice);
  return changed;
}

function edited(bytes: Uint8Array<ArrayBuffer>, dice: Dice): Uint8Array<ArrayBuffer> {
  const at = dice.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + dice.pick([1, 1, 2, 4, 8, 64]));
  const [before, between, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  switch (dice.below(5)) {
    case 0:
      return joined(
        before,
        between.map((byte) => byte ^ (1 << dice.below(8))),
        after,
      );
    case 1:
      return joined(before, after);
    case 2:
      return joined(before, between, between, after);
    case 3:
      return joined(before, dice.bytes(1 + dice.below(8)), between, after);
    default:
      return joined(before, after, between);
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat(parts));
}
