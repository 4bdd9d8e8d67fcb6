/** Waits for work, but not for ever. @returns whether it has ended in time. @throws what the work throws in time. */
export async function endsWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for what is read of the state folder, but not for ever. @throws what the work throws in time; Error when it takes longer. */
export async function readWithin<T>(ms: number, work: Promise<T>): Promise<T> {
  const answered = work.then((value) => ({ value }));
  if (await endsWithin(ms, answered)) return (await answered).value;
  throw new Error(`the state folder has not answered for ${ms} ms`);
}
