import type { Mode } from '../config/modes.ts';
import { VERSION } from '../config/version.ts';

export interface BannerFacts {
  readonly url: string;
  /** `host:port`; undefined: gRPC is off. */
  readonly grpc: string | undefined;
  readonly modes: Readonly<Record<string, Mode>>;
}

/** What a person at a terminal wants to know of a server that has just begun to serve: where everything is, and what it will do. */
export function banner({ url, grpc, modes }: BannerFacts): string {
  const models = Object.entries(modes);
  const [first = '…'] = Object.keys(modes);
  const rows: (readonly [string, string])[] = [
    ['console', `${url}/`],
    ['infer', `POST ${url}/v2/models/${first}/infer`],
    ...(grpc === undefined ? [] : [['gRPC', grpc] as const]),
    ['metrics', `${url}/metrics`],
    ['gains', `taustat top --url ${url}`],
    ...models.map(([name, mode], i) => [i === 0 ? 'models' : '', `${name}: ${WORDS[mode]}`] as const),
    ['stop', 'Ctrl-C'],
  ];
  const width = Math.max(...rows.map(([title]) => title.length));
  const lines = rows.map(([title, text]) => `  ${title.padEnd(width)}  ${text}\n`);
  return `\n  taustat ${VERSION}\n${lines.join('')}\n`;
}

const WORDS: Readonly<Record<Mode, string>> = {
  auto: 'dense until a threshold is proven to keep the answers, then pruned by it',
  observe: 'dense; what pruning would do is measured',
  fixed: 'pruned at the threshold that was set, as long as the answers agree',
  off: 'plain, nothing is measured',
};
