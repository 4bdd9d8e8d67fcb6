/** Flags of Node that tell what a program on the command line is, and that no thread takes. */
const OF_PROGRAM = /^--?(input-type|e|eval|p|print)(=|$)/;

/** Flags of this process for its worker threads: a server of a program that was given by `node --input-type=module -e`, too. */
export function workerFlags(flags: readonly string[] = process.execArgv): string[] {
  return flags.filter(
    (flag, i) => !OF_PROGRAM.test(flag) && !/^--?(e|eval|p|print|input-type)$/.test(flags[i - 1] ?? ''),
  );
}
