/**
 * Ports of nodes that pods take. Two pods cannot have the same port of the same protocol at the same address;
 * 0.0.0.0 is every address. Source: Kubernetes API reference, core/v1 ContainerPort.
 */
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";

export interface HostPort {
  readonly ip: string;
  /** "TCP/80" */
  readonly port: string;
}

/** Number of pods by port and address. */
export type UsedPorts = ReadonlyMap<string, ReadonlyMap<string, number>>;
export type MutableUsedPorts = Map<string, Map<string, number>>;

const ANY = "0.0.0.0";

export function hostPortsOf({ containers, initContainers = [] }: PodSpec): readonly HostPort[] {
  const running = [...containers, ...initContainers.filter(({ restartPolicy }) => restartPolicy === "Always")];
  return running.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort = 0, hostIP = "", protocol = "TCP" }) =>
      hostPort > 0 ? [{ ip: hostIP === "" ? ANY : hostIP, port: `${protocol}/${hostPort}` }] : [],
    ),
  );
}

export function isPortTaken(used: UsedPorts, { ip, port }: HostPort): boolean {
  const addresses = used.get(port);
  if (addresses === undefined) return false;
  return ip === ANY || addresses.has(ip) || addresses.has(ANY);
}

export function takePort(used: MutableUsedPorts, { ip, port }: HostPort): void {
  const addresses = used.get(port) ?? new Map<string, number>();
  used.set(port, addresses);
  addresses.set(ip, (addresses.get(ip) ?? 0) + 1);
}

export function releasePort(used: MutableUsedPorts, { ip, port }: HostPort): void {
  const addresses = used.get(port);
  const count = (addresses?.get(ip) ?? 0) - 1;
  if (count > 0) addresses?.set(ip, count);
  else addresses?.delete(ip);
  if (addresses?.size === 0) used.delete(port);
}
