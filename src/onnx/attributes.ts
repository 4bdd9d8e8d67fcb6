import type { AttributeProto, GraphProto, NodeProto } from 'onnx-buf';

function find(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name);
}

/** A float attribute, or `fallback` when the node does not have it. */
export function floatAttribute(node: NodeProto, name: string, fallback: number): number {
  return find(node, name)?.f ?? fallback;
}

/** An int attribute, or undefined when the node does not have it. */
export function intAttribute(node: NodeProto, name: string): number | undefined {
  const attribute = find(node, name);
  return attribute === undefined ? undefined : Number(attribute.i);
}

/** The values of an attribute that lists ints, or undefined when the node does not have it. */
export function intsAttribute(node: NodeProto, name: string): readonly number[] | undefined {
  return find(node, name)?.ints.map(Number);
}

/** A string attribute, or `fallback` when the node does not have it or it is empty. */
export function stringAttribute(node: NodeProto, name: string, fallback: string): string {
  return new TextDecoder().decode(find(node, name)?.s) || fallback;
}

/** A tensor attribute. */
export function tensorAttribute(node: NodeProto, name: string): AttributeProto['t'] {
  return find(node, name)?.t;
}

/** Whether the node has the attribute. */
export function hasAttribute(node: NodeProto, name: string): boolean {
  return find(node, name) !== undefined;
}

/** The bodies of an If, a Loop or a Scan. */
export function subgraphs(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs]));
}
