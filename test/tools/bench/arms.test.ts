import { describe, expect, it } from 'vitest';
import { alternation, parseArms, referenceOf, serveArguments } from '../../../src/tools/bench/arms.ts';

describe('arms', () => {
  it('are read from a list', () => {
    expect(parseArms('plain, auto')).toEqual(['plain', 'auto']);
    expect(parseArms('observe')).toEqual(['observe']);
  });

  it.each([
    ['plain,fast', "'fast' is none of plain, observe, auto, batched"],
    ['', "'' is none of plain, observe, auto, batched"],
    ['auto,auto', 'an arm is given twice'],
  ])('refuse %j', (text, message) => {
    expect(() => parseArms(text)).toThrow(message);
  });

  it('run forward and backward in one round', () => {
    expect(alternation(['a', 'b', 'c'])).toEqual(['a', 'b', 'c', 'c', 'b', 'a']);
  });

  it('are compared with plain, or the first one without it', () => {
    expect(referenceOf(['auto', 'plain'])).toBe('plain');
    expect(referenceOf(['observe', 'auto'])).toBe('observe');
  });

  it('become modes of the server on a free port', () => {
    const settings = { model: 'm.onnx', config: 'c.yaml', sampling: 0.05, workers: 2 };
    expect(serveArguments('plain', settings).join(' ')).toBe(
      'serve m.onnx --config c.yaml --workers 2 --host 127.0.0.1 --port 0 --log-level info --mode off --sampling 0.05 --no-state',
    );
    expect(serveArguments('observe', { sampling: 0.1 }).join(' ')).toBe(
      'serve --host 127.0.0.1 --port 0 --log-level info --mode observe --sampling 0.1 --no-state',
    );
    expect(serveArguments('batched', settings).join(' ')).toMatch(/ --mode off .* --max-batch 32$/);
  });
});
