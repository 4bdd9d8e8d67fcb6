#!/usr/bin/env node
import { run } from './cli/program.ts';

/** How long what an error has left behind may take to end by itself. */
const LEFTOVERS_MS = 1000;

const code = await run(process.argv.slice(2));
if (code !== 0) {
  process.exitCode = code;
  // Workers that were started already would keep alive what can never answer.
  setTimeout(() => process.exit(), LEFTOVERS_MS).unref();
}
