/** A host without the brackets that an IPv6 address has in URLs. */
export function bareHost(host: string): string {
  return /^\[(.+)\]$/.exec(host)?.[1] ?? host;
}

/** Host and port as in a URL. */
export function authority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
