/** The `Range` header of one range of bytes. Source: RFC 9110 section 14. */

export interface ByteRange {
  readonly first: number;
  /** Included. */
  readonly last: number;
}

/** Undefined stands for the whole: no range, several, or one that cannot be read, which servers may ignore. */
export function parseRange(header: string | undefined, size: number): ByteRange | "unsatisfiable" | undefined {
  const [, from = "", to = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  if (from === "" && to === "") return undefined;
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? "unsatisfiable" : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  const last = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== "" && Number(to) < first) return undefined;
  return first < size ? { first, last } : "unsatisfiable";
}
