// A store that counts what it is asked, and the bytes that go to it and come from it.

/**
 * @typedef {import('../../dist/store/shared/shared-store.js').SharedStore} SharedStore
 * @typedef {SharedStore & { counts: { operations: number, bytesIn: number, bytesOut: number } }} CountedStore
 */

/** @param {SharedStore} store @returns {CountedStore} */
export function counted(store) {
  const counts = { operations: 0, bytesIn: 0, bytesOut: 0 };
  return /** @type {CountedStore} */ (
    new Proxy(store, {
      get(of, name) {
        if (name === 'counts') return counts;
        const value = Reflect.get(of, name);
        if (typeof value !== 'function') return value;
        if (name === 'subscribe' || name === 'close') return value.bind(of);
        return async (/** @type {unknown[]} */ ...values) => {
          counts.operations++;
          counts.bytesIn += bytesOf(values);
          const answer = await value.apply(of, values);
          counts.bytesOut += bytesOf(answer);
          return answer;
        };
      },
    })
  );
}

/** About as many as the protocol of Redis takes. @param {unknown} value @returns {number} */
function bytesOf(value) {
  if (value instanceof Uint8Array) return value.byteLength + 8;
  if (typeof value === 'string') return Buffer.byteLength(value) + 8;
  if (Array.isArray(value)) return value.reduce((sum, one) => sum + bytesOf(one), 4);
  if (typeof value === 'object' && value !== null) return bytesOf(Object.values(value));
  return 8;
}
