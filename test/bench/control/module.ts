/**
 * A module of the control benchmark, which is plain JavaScript.
 *
 * @param name - path below bench/control without ending.
 */
export async function controlModule<T>(name: string): Promise<T> {
  const module: T = await import(new URL(`../../../bench/control/${name}.mjs`, import.meta.url).href);
  return module;
}
