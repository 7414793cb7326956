/** "10.0.0.1,10.0.0.2 + 3 more...": the first items of a long list, as kubectl shows them. */
export function formatFirst(max: number, items: readonly (string | number)[]): string {
  const shown = items.slice(0, max).join(",");
  return items.length > max ? `${shown} + ${items.length - max} more...` : shown;
}
