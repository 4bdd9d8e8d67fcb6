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

/** What the state folder answers. @throws what the work throws in time; Error when it takes longer. */
export async function answerWithin<T>(ms: number, work: Promise<T>): Promise<T> {
  if (await endsWithin(ms, work)) return work;
  throw new Error(`the state folder has not answered for ${ms} ms`);
}
