/**
 * A module of the console's page, which is plain JavaScript that the browser runs as it is.
 *
 * @param name - file name without extension; the module must not touch the document when it is loaded.
 */
export async function consoleModule<T>(name: string): Promise<T> {
  const module: T = await import(new URL(`../../../console/${name}.js`, import.meta.url).href);
  return module;
}
