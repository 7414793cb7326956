/** Cells of services, as kubectl prints them. */
import type { ServicePort, ServiceSpec } from "./service-spec.ts";

interface Ingress {
  readonly ip?: string | undefined;
  readonly hostname?: string | undefined;
}

/** "80:30080/TCP,443/TCP". */
export function formatPorts(ports: readonly ServicePort[]): string {
  const texts = ports.map(({ port, nodePort = 0, protocol = "" }) =>
    nodePort > 0 ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return texts.join(",") || "<none>";
}

export function formatExternalIp(
  { type, externalIPs = [], externalName = "" }: ServiceSpec,
  ingress: readonly Ingress[],
): string {
  switch (type) {
    case "ClusterIP":
    case "NodePort":
      return externalIPs.join(",") || "<none>";
    case "LoadBalancer": {
      const found = formatIngress(ingress);
      return [...(found === "" ? [] : [found]), ...externalIPs].join(",") || "<pending>";
    }
    case "ExternalName":
      return externalName;
    default:
      return "<unknown>";
  }
}

function formatIngress(ingress: readonly Ingress[]): string {
  const names = new Set(ingress.map(({ ip = "", hostname = "" }) => ip || hostname).filter((name) => name !== ""));
  return [...names].sort().join(",");
}
