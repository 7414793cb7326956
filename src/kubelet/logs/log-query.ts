/** What of a log is wanted. Source: Kubernetes API reference, Pod, "read log of the specified Pod". */
export interface LogQuery {
  readonly isFollowing: boolean;
  readonly isPrevious: boolean;
  readonly hasTimes: boolean;
  /** undefined: from the start. */
  readonly tailLines: number | undefined;
  /** Milliseconds since 1970. */
  readonly sinceMs: number | undefined;
  readonly limitBytes: number | undefined;
}

/** Throws RangeError with what is wrong. */
export function parseLogQuery(query: URLSearchParams, nowMs: number): LogQuery {
  const flag = (name: string): boolean => ["true", "1"].includes(query.get(name) ?? "");
  const count = (name: string, least: number): number | undefined => {
    const text = query.get(name);
    if (text === null) return undefined;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RangeError(`${name} "${text}" must be an integer of at least ${least}`);
    }
    return value;
  };
  const sinceSeconds = count("sinceSeconds", 1);
  const sinceTime = query.get("sinceTime");
  const sinceTimeMs = sinceTime === null ? undefined : Date.parse(sinceTime);
  if (Number.isNaN(sinceTimeMs)) throw new RangeError(`sinceTime "${sinceTime}" must be a time as RFC 3339 has it`);
  if (sinceSeconds !== undefined && sinceTimeMs !== undefined) {
    throw new RangeError("at most one of sinceTime and sinceSeconds may be given");
  }
  return {
    isFollowing: flag("follow"),
    isPrevious: flag("previous"),
    hasTimes: flag("timestamps"),
    tailLines: count("tailLines", 0),
    sinceMs: sinceSeconds === undefined ? sinceTimeMs : nowMs - sinceSeconds * 1000,
    limitBytes: count("limitBytes", 1),
  };
}
