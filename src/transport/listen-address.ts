/** An address to listen on, as the system takes it: IPv6 also stands in brackets, as in a URL. */
export function bareHost(host: string): string {
  return /^\[(.+)\]$/.exec(host)?.[1] ?? host;
}

/** Host and port, as clients take them. */
export function authority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
