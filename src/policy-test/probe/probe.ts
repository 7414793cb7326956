/** One question from one namespace to another, and what may become of it. */
import type { Family, IpAddress } from "#base/ip-address.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import type { PolicyProtocol } from "#policy/rule-model.ts";

export interface ProbeEnd {
  /** As results name it. */
  readonly name: string;
  readonly netns: Netns;
  readonly address: IpAddress;
}

export interface Probe {
  readonly from: ProbeEnd;
  readonly to: ProbeEnd;
  readonly family: Family;
  readonly protocol: PolicyProtocol;
  readonly port: number;
  /** Of the question; no other probe of the same source has it. */
  readonly sourcePort: number;
}

export type ProbeAnswer =
  /** The target answered; it saw the question come from there. */
  | { readonly kind: "answered"; readonly seen: IpAddress }
  /** An error came back, or the socket could not be had. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  /** Nothing came until the signal. */
  | { readonly kind: "silent" };

/** Asks and answers in one protocol, by sockets of this process. */
export interface Station extends AsyncDisposable {
  /** Answers there from now on; a second time is fine. */
  listen(end: ProbeEnd, port: number): void;
  ask(probe: Probe, signal: AbortSignal): Promise<ProbeAnswer>;
}

/** Names the first packet of a probe, on all its way. */
export function flowKey(protocol: number, { source, sourcePort, destination, port }: FlowEnds): string {
  return `${protocol} ${source} ${sourcePort} ${destination} ${port}`;
}

export interface FlowEnds {
  readonly source: IpAddress;
  readonly sourcePort: number;
  readonly destination: IpAddress;
  readonly port: number;
}

/** IPPROTO_ of include/uapi/linux/in.h */
export const PROTOCOL_NUMBERS: Readonly<Record<PolicyProtocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

export function keyOfProbe({ protocol, from, to, sourcePort, port }: Probe): string {
  const ends = { source: from.address, sourcePort, destination: to.address, port };
  return flowKey(PROTOCOL_NUMBERS[protocol], ends);
}

export function socketName({ netns, address }: ProbeEnd, port: number): string {
  return `${netns.inode} ${address} ${port}`;
}

export function refusal(error: unknown): ProbeAnswer {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  return { kind: "refused", code, message: error instanceof Error ? error.message : String(error) };
}
