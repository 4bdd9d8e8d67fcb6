/** Waits for work for a limited time. @returns whether it ended in time. @throws what the work throws in time. */
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

/** The result of work on the state folder. @throws what the work throws in time; Error if it takes longer. */
export async function answerWithin<T>(ms: number, work: Promise<T>): Promise<T> {
  if (await endsWithin(ms, work)) return work;
  throw new Error(`the state folder has not answered for ${ms} ms`);
}
