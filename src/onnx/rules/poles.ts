/**
 * The magnitude at which an activation function stands still below zero: |f(x₀)| at its minimum, or what it approaches.
 *
 *   Gelu       x·Φ(x)            x₀ = −0.752   0.170        Mish   x·tanh(ln(1 + eˣ))   x₀ = −1.192   0.309
 *   Silu       x·σ(x)            x₀ = −1.278   0.278        Elu    α·(eˣ − 1)           −∞            α
 *   Swish      x·σ(α·x)          0.278 / α                  Celu   α·(e^(x/α) − 1)      −∞            α
 *   HardSwish  x·clip(x+3,0,6)/6 x₀ = −1.5     0.375        Selu   γ·α·(eˣ − 1)         −∞            γ·α
 */
import type { NodeProto } from 'onnx-buf';
import { floatAttribute } from '../attributes.ts';
import { opOf } from '../op.ts';

const GELU = 0.169971;
const SILU = 0.278465;
const QUICK = 1.702;

/** By the name that a site shows. */
const POLES: ReadonlyMap<string, number> = new Map([
  ['Gelu', GELU],
  ['Silu', SILU],
  ['QuickGelu', SILU / QUICK],
  ['HardSwish', 0.375],
  ['Mish', 0.308843],
]);

/** The pole of a function that is written out in arithmetic; null: it has none. */
export function poleOfDecomposition(op: string): number | null {
  return POLES.get(op) ?? null;
}

/** The pole of a node that is an activation function by itself; null: it is none, or has none. */
export function poleOf(node: NodeProto): number | null {
  const alpha = (fallback: number): number => floatAttribute(node, 'alpha', fallback);
  switch (opOf(node)) {
    case 'Gelu':
    case 'com.microsoft.Gelu':
    case 'com.microsoft.BiasGelu':
    case 'com.microsoft.FastGelu':
      return GELU;
    case 'com.microsoft.QuickGelu':
      return positive(SILU / alpha(QUICK));
    case 'Swish':
      return positive(SILU / alpha(1));
    case 'HardSwish':
    case 'Mish':
      return poleOfDecomposition(opOf(node));
    case 'Elu':
    case 'Celu':
      return positive(alpha(1));
    case 'Selu':
      return positive(alpha(1.6732632) * floatAttribute(node, 'gamma', 1.050701));
    default:
      return null;
  }
}

/** An attribute can be anything; a pole is a magnitude. */
function positive(pole: number): number | null {
  return pole > 0 && Number.isFinite(pole) ? pole : null;
}
