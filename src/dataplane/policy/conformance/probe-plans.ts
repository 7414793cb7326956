/** Which connections a case tries: every pair of ends, over a port and a family that change from pair to pair. Pure. */
import type { Family } from "#base/ip-address.ts";
import type { CaseProbe } from "./check-case.ts";

const PORTS: readonly Pick<CaseProbe, "protocol" | "port">[] = [
  { protocol: "TCP", port: 80 },
  { protocol: "UDP", port: 53 },
  { protocol: "TCP", port: 8080 },
  { protocol: "TCP", port: 8081 },
  { protocol: "UDP", port: 8080 },
  { protocol: "TCP", port: 53 },
  { protocol: "TCP", port: 8090 },
];

export interface ProbePlanOptions {
  readonly slots: number;
  readonly family: Family;
  /** Another number tries other ports on the same pairs. */
  readonly turn: number;
  readonly ports?: readonly Pick<CaseProbe, "protocol" | "port">[];
}

export function planProbes({ slots, family, turn, ports = PORTS }: ProbePlanOptions): readonly CaseProbe[] {
  const ends: readonly CaseProbe["from"][] = [...Array.from({ length: slots }, (_, index) => index), "outside"];
  let count = turn;
  return ends.flatMap((from) =>
    ends.flatMap((to): readonly CaseProbe[] => {
      const what = ports[count++ % ports.length];
      return (from === "outside" && to === "outside") || what === undefined ? [] : [{ from, to, family, ...what }];
    }),
  );
}
