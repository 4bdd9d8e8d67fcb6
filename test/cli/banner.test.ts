import { describe, expect, it } from 'vitest';
import { banner } from '../../src/cli/banner.ts';
import { MODES } from '../../src/config/modes.ts';

describe('the banner of a server at a terminal', () => {
  it('tells where everything is, and what each model will do', () => {
    const text = banner({
      url: 'http://127.0.0.1:8080',
      grpc: '127.0.0.1:8081',
      modes: { digits: 'auto', words: 'off' },
    });
    expect(text).toContain('  console  http://127.0.0.1:8080/\n');
    expect(text).toContain('  infer    POST http://127.0.0.1:8080/v2/models/digits/infer\n');
    expect(text).toContain('  gRPC     127.0.0.1:8081\n');
    expect(text).toContain('  models   digits: dense until');
    expect(text).toContain('           words: plain');
  });

  it('has no line for gRPC where it is off, and words for every mode', () => {
    for (const mode of MODES) {
      const text = banner({ url: 'http://[::1]:80', grpc: undefined, modes: { m: mode } });
      expect(text).not.toContain('gRPC');
      expect(text).toMatch(/models {3}m: [a-z]/);
      expect(text).not.toContain('undefined');
    }
  });
});
