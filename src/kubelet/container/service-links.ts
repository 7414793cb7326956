/**
 * Variables that lead to services: WEB_SERVICE_HOST, WEB_PORT_80_TCP_ADDR, …, for those of the pod's namespace and for
 * the API server. Source: Kubernetes documentation, "Service", "Environment variables".
 */
import type { Service } from "#api/kinds/service/service.ts";

export function serviceLinks(
  services: readonly Service[],
  { namespace, isEnabled }: { readonly namespace: string; readonly isEnabled: boolean },
): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {};
  const chosen = services.filter(({ metadata }) =>
    metadata.name === "kubernetes" && metadata.namespace === "default"
      ? true
      : isEnabled && metadata.namespace === namespace,
  );
  for (const service of chosen) Object.assign(variables, linksOf(service));
  return variables;
}

function linksOf({ metadata, spec }: Service): Record<string, string> {
  const ip = spec?.clusterIP ?? "";
  const ports = spec?.ports ?? [];
  const [first] = ports;
  if (ip === "" || ip === "None" || first === undefined) return {};
  const name = variableName(metadata.name ?? "");
  const urlOf = (port: number, protocol: string): string => `${protocol.toLowerCase()}://${inUrl(ip)}:${port}`;
  const variables: Record<string, string> = {
    [`${name}_SERVICE_HOST`]: ip,
    [`${name}_SERVICE_PORT`]: String(first.port),
    [`${name}_PORT`]: urlOf(first.port, first.protocol ?? "TCP"),
  };
  for (const { name: portName, port, protocol = "TCP" } of ports) {
    if (portName) variables[`${name}_SERVICE_PORT_${variableName(portName)}`] = String(port);
    const prefix = `${name}_PORT_${port}_${protocol}`;
    variables[prefix] = urlOf(port, protocol);
    variables[`${prefix}_PROTO`] = protocol.toLowerCase();
    variables[`${prefix}_PORT`] = String(port);
    variables[`${prefix}_ADDR`] = ip;
  }
  return variables;
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

function inUrl(ip: string): string {
  return ip.includes(":") ? `[${ip}]` : ip;
}
