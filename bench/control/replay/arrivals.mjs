// When requests come: functions of a random number generator to the milliseconds until the next request.

/** @typedef {(random: () => number, request: number) => number} Arrivals */

/** Poisson arrivals at a mean distance. @param {number} meanMs @returns {Arrivals} */
export function steady(meanMs) {
  return (random) => -meanMs * Math.log(1 - random());
}

/** Bursts of requests 1 ms apart, then silence. @type {(size: number, silenceMs: number) => Arrivals} */
export function bursty(size, silenceMs) {
  return (random, request) => (request % size === 0 ? -silenceMs * Math.log(1 - random()) : 1);
}
