/** A pod's sandbox for CRI: name, labels, DNS, host ports, namespaces. Source: k8s.io/cri-api, PodSandboxConfig. */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodSandboxConfig, PortMapping } from "#cri/sandbox-messages.ts";
import { podContainers } from "../pod-worker/pod-view.ts";
import { type DnsSettings, limitDns, podDns } from "./pod-dns.ts";
import { podNamespaces } from "./security-context.ts";

export const POD_NAME_LABEL = "io.kubernetes.pod.name";
export const POD_NAMESPACE_LABEL = "io.kubernetes.pod.namespace";
export const POD_UID_LABEL = "io.kubernetes.pod.uid";
export const CONTAINER_NAME_LABEL = "io.kubernetes.container.name";

export interface SandboxInput {
  readonly pod: Pod;
  readonly attempt: number;
  readonly dns: DnsSettings;
  /** Of the node; runc makes the pod's own below it. */
  readonly cgroupParent: string;
  readonly logRoot: string;
}

export function sandboxConfig({ pod, attempt, dns, cgroupParent, logRoot }: SandboxInput): PodSandboxConfig {
  const { metadata, spec } = pod;
  const { name = "", namespace = "", uid = "" } = metadata;
  const isPrivileged = podContainers(pod).some((each) => each.spec.securityContext?.privileged === true);
  const shared = spec.securityContext ?? {};
  return {
    metadata: { name, namespace, uid, attempt },
    // The node's name is the kernel's in its own network namespace.
    ...(spec.hostNetwork !== true && { hostname: hostnameOf(pod) }),
    logDirectory: podLogDirectory(logRoot, { namespace, name, uid }),
    dnsConfig: limitDns(podDns(pod, dns)).config,
    portMappings: spec.hostNetwork === true ? [] : hostPorts(pod),
    labels: { ...metadata.labels, ...podLabels(pod) },
    annotations: metadata.annotations ?? {},
    linux: {
      cgroupParent,
      securityContext: {
        namespaceOptions: podNamespaces(spec),
        privileged: isPrivileged,
        supplementalGroups: (shared.supplementalGroups ?? []).map(BigInt),
        ...(shared.runAsUser !== undefined && { runAsUser: { value: BigInt(shared.runAsUser) } }),
      },
      sysctls: Object.fromEntries((shared.sysctls ?? []).map((each) => [each.name, each.value])),
    },
  };
}

export function podLabels({ metadata }: Pod): Readonly<Record<string, string>> {
  return {
    [POD_NAME_LABEL]: metadata.name ?? "",
    [POD_NAMESPACE_LABEL]: metadata.namespace ?? "",
    [POD_UID_LABEL]: metadata.uid ?? "",
  };
}

export function podLogDirectory(
  logRoot: string,
  { namespace, name, uid }: { readonly namespace: string; readonly name: string; readonly uid: string },
): string {
  return `${logRoot}/${namespace}_${name}_${uid}`;
}

/** Linux takes 64 bytes; what is longer loses its end. */
export function hostnameOf({ metadata, spec }: Pod): string {
  return (spec.hostname || metadata.name || "").slice(0, 63).replace(/[-.]+$/, "");
}

function hostPorts(pod: Pod): readonly PortMapping[] {
  return podContainers(pod).flatMap(({ spec }) =>
    (spec.ports ?? []).flatMap(({ hostPort, containerPort, protocol, hostIP }) =>
      hostPort === undefined || hostPort === 0
        ? []
        : [{ hostPort, containerPort, protocol: protocolOf(protocol), hostIp: hostIP ?? "" }],
    ),
  );
}

function protocolOf(protocol: string | undefined): "TCP" | "UDP" | "SCTP" {
  return protocol === "UDP" || protocol === "SCTP" ? protocol : "TCP";
}
