/** An ExternalName inside the cluster: the alias, and what it leads to as far as the zone goes. */
import type { ZoneType } from "./create-cluster-zone.ts";
import type { AliasRecord, ZoneAnswer, ZoneRecord } from "./zone-record.ts";

/** Longer chains are somebody's loop. */
const MAX_ALIASES = 8;

type LookUp = (labels: readonly string[], type: ZoneType | undefined) => ZoneAnswer | undefined;

export function followAlias(alias: AliasRecord, type: ZoneType | undefined, lookUp: LookUp): ZoneAnswer {
  const answers: ZoneRecord[] = [];
  let next = alias;
  for (;;) {
    answers.push(next);
    const isLoop = answers.some(({ name }) => name === next.data) || answers.length >= MAX_ALIASES;
    if (isLoop) return { exists: true, answers, additional: [], soa: undefined };
    // Its own alias alone: the rest of the chain is followed here.
    const labels = next.data.split(".");
    const found = lookUp(labels, "CNAME");
    if (found === undefined) return { exists: true, answers, additional: [], soa: undefined, leadsTo: next.data };
    const [target] = found.answers;
    if (target?.type === "CNAME") {
      next = target;
      continue;
    }
    const end = lookUp(labels, type);
    const isThere = end?.exists ?? false;
    return { exists: isThere, answers: [...answers, ...(end?.answers ?? [])], additional: [], soa: end?.soa };
  }
}
