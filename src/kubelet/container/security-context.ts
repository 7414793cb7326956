/** Rights of a container for CRI. Source: Kubernetes documentation, "Configure a Security Context". */
import type { Container } from "#api/kinds/pod/container.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import type { ContainerConfig } from "#cri/container-messages.ts";
import { ContainerConfigError } from "./environment.ts";

type LinuxSecurity = NonNullable<NonNullable<ContainerConfig["linux"]>["securityContext"]>;
type Seccomp = NonNullable<LinuxSecurity["seccomp"]>;

/** What an unprivileged container must not see or change. */
const MASKED_PATHS = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export function linuxSecurityContext(pod: Pod, container: Container, targetId: string | undefined): LinuxSecurity {
  const own = container.securityContext ?? {};
  const shared = pod.spec.securityContext ?? {};
  const user = own.runAsUser ?? shared.runAsUser;
  const group = own.runAsGroup ?? shared.runAsGroup;
  if ((own.runAsNonRoot ?? shared.runAsNonRoot) === true && user === 0) {
    throw new ContainerConfigError(
      `container's runAsUser breaks non-root policy (pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`,
    );
  }
  const isPrivileged = own.privileged === true;
  const isUnmasked = isPrivileged || own.procMount === "Unmasked";
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])];
  return {
    capabilities: {
      addCapabilities: own.capabilities?.add ?? [],
      dropCapabilities: own.capabilities?.drop ?? [],
    },
    privileged: isPrivileged,
    namespaceOptions: {
      ...podNamespaces(pod.spec),
      ...(targetId !== undefined && { pid: "TARGET" as const, targetId }),
    },
    ...(user !== undefined && { runAsUser: { value: BigInt(user) } }),
    // CRI takes a group only together with a user.
    ...(group !== undefined && user !== undefined && { runAsGroup: { value: BigInt(group) } }),
    readonlyRootfs: own.readOnlyRootFilesystem === true,
    supplementalGroups: groups.map(BigInt),
    noNewPrivs: own.allowPrivilegeEscalation === false,
    maskedPaths: isUnmasked ? [] : MASKED_PATHS,
    readonlyPaths: isUnmasked ? [] : READONLY_PATHS,
    seccomp: seccompOf(own.seccompProfile ?? shared.seccompProfile, isPrivileged),
  };
}

export function podNamespaces(spec: PodSpec): NonNullable<LinuxSecurity["namespaceOptions"]> {
  return {
    network: spec.hostNetwork === true ? "NODE" : "POD",
    pid: spec.hostPID === true ? "NODE" : spec.shareProcessNamespace === true ? "POD" : "CONTAINER",
    ipc: spec.hostIPC === true ? "NODE" : "POD",
  };
}

const SECCOMP_ROOT = "/var/lib/kubelet/seccomp";

function seccompOf(
  profile: { readonly type: string; readonly localhostProfile?: string | undefined } | undefined,
  isPrivileged: boolean,
): Seccomp {
  if (isPrivileged || profile === undefined || profile.type === "Unconfined") return { profileType: "Unconfined" };
  if (profile.type === "Localhost") {
    return { profileType: "Localhost", localhostRef: `${SECCOMP_ROOT}/${profile.localhostProfile}` };
  }
  return { profileType: "RuntimeDefault" };
}
