/** Default options of the critical point: see `CriticalPointOptions`. */
export const CRITICAL_POINT_DEFAULTS = {
  temperature: 'normalized',
  minProminence: 0.01,
  minStandardErrors: 4,
  inflections: false,
} as const;
