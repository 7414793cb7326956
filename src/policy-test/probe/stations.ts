/** The stations of all protocols. */
import type { PolicyProtocol } from "#policy/rule-model.ts";
import type { Station } from "./probe.ts";
import { createSctpStation } from "./sctp-station.ts";
import { createTcpStation } from "./tcp-station.ts";
import { createUdpStation } from "./udp-station.ts";

export type Stations = Readonly<Record<PolicyProtocol, Station>>;

export function createStations(): Stations & AsyncDisposable {
  const stations = { TCP: createTcpStation(), UDP: createUdpStation(), SCTP: createSctpStation() } as const;
  return {
    ...stations,
    async [Symbol.asyncDispose]() {
      await Promise.all(Object.values(stations).map((station) => station[Symbol.asyncDispose]()));
    },
  };
}
