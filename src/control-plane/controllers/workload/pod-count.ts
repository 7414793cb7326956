/** Numbers of pods that are given as such or as a share. Source: Kubernetes API, IntOrString. */

/** "25%" of 10 is 2 or 3. Absent is 0. */
export function resolvePodCount(value: number | string | undefined, total: number, rounding: "up" | "down"): number {
  if (value === undefined) return 0;
  if (typeof value === "number") return value;
  const share = (Number.parseInt(value, 10) * total) / 100;
  return rounding === "up" ? Math.ceil(share) : Math.floor(share);
}

/** Status fields that are 0 are left out. */
export function nonZero(count: number): number | undefined {
  return count === 0 ? undefined : count;
}
