/** What became of one probe, and whether that is what had to be. Pure. */
import type { IpAddress } from "#base/ip-address.ts";
import type { Probe } from "./plan-probes.ts";

export interface ProbeResult {
  readonly probe: Probe;
  /** The source address that the receiver saw; undefined: the question did not arrive. */
  readonly seen?: IpAddress | undefined;
  readonly answered: boolean;
  /** What the sender's kernel said, or a router. */
  readonly refused?:
    | { readonly code: string; readonly by: IpAddress | undefined; readonly message: string }
    | undefined;
}

export interface Failure {
  readonly result: ProbeResult;
  readonly kind: "lost" | "answer lost" | "translated" | "refused" | "not refused";
  /** One sentence. */
  readonly message: string;
}

/** Undefined: as it has to be. */
export function judge(result: ProbeResult): Failure | undefined {
  const { probe, seen, answered, refused } = result;
  const way = `${probe.from.namespace} (${probe.from.address}) → ${probe.to.namespace} (${probe.to.address})`;
  const size = probe.bytes === undefined ? "" : ` ${probe.bytes} bytes`;
  const fail = (kind: Failure["kind"], what: string): Failure => ({
    result,
    kind,
    message: `${way} ${probe.protocol}${size}: ${what}`,
  });
  if (probe.expectRefused === true) {
    if (refused?.code === "EMSGSIZE") return undefined;
    if (refused !== undefined) return fail("refused", refused.message);
    return fail("not refused", seen === undefined ? "it was sent, and got lost" : "it was sent, and arrived");
  }
  if (seen === undefined) {
    return refused === undefined ? fail("lost", "it did not arrive") : fail("refused", refused.message);
  }
  if (probe.expectSeen !== undefined && !probe.expectSeen.includes(seen)) {
    return fail("translated", `the receiver saw ${seen} instead of ${probe.expectSeen.join(" or ")}`);
  }
  return answered ? undefined : fail("answer lost", "it arrived, but the answer did not");
}
