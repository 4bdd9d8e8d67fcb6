/** A message of the text format of protocol buffers: every value of each field, in order. */
export interface TextMessage {
  readonly [field: string]: readonly TextValue[];
}
export type TextValue = string | number | boolean | TextMessage;

const TOKEN = /\s*(?:#[^\n]*\n)*\s*("(?:[^"\\]|\\.)*"|[\w.+-]+|[{}[\]:,])/y;

/** Reads fields, messages, lists and comments: as much of the format as a model's configuration has. @throws SyntaxError */
export function readTextFormat(text: string): TextMessage {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let end = 0; text.slice(end).trim() !== ''; end = TOKEN.lastIndex) {
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined) throw new SyntaxError(`at ${end}: '${text.slice(end, end + 20)}'`);
    tokens.push(token);
  }
  const take = (expected?: string): string => {
    const token = tokens.shift() ?? '';
    if (token === '' || (expected !== undefined && token !== expected))
      throw new SyntaxError(`'${token}' in place of '${expected ?? 'a token'}'`);
    return token;
  };
  const value = (): TextValue => {
    if (tokens[0] === '{') {
      take('{');
      const inner = message();
      take('}');
      return inner;
    }
    const token = take();
    if (token.startsWith('"')) return JSON.parse(token) as string;
    if (token === 'true' || token === 'false') return token === 'true';
    return Number.isNaN(Number(token)) ? token : Number(token);
  };
  const values = (): TextValue[] => {
    if (tokens[0] !== '[') return [value()];
    take('[');
    const list: TextValue[] = [];
    for (let end = ''; end !== ']'; end = take()) list.push(value());
    return list;
  };
  const message = (): TextMessage => {
    const fields: Record<string, TextValue[]> = {};
    while (tokens.length > 0 && tokens[0] !== '}') {
      const name = take();
      if (tokens[0] === ':') take(':');
      fields[name] = [...(fields[name] ?? []), ...values()];
    }
    return fields;
  };
  return message();
}
