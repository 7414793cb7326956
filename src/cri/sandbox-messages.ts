/**
 * Messages of CRI about pod sandboxes, and those that sandboxes and containers share: the fields that Podwire uses.
 * Source: k8s.io/cri-api, package runtime.v1, Kubernetes 1.32; containerd 1.6 skips what it does not know.
 */
import {
  bool,
  type Decoded,
  type Encodable,
  enumeration,
  field,
  int32,
  int64,
  message,
  repeated,
  string,
  stringMap,
  uint32,
} from "#base/protobuf.ts";

const int64Value = message("Int64Value", { value: field(1, int64) });
export const optionalInt64 = int64Value;

const namespaceMode = enumeration("NamespaceMode", ["POD", "CONTAINER", "NODE", "TARGET"]);

export const namespaceOption = message("NamespaceOption", {
  network: field(1, namespaceMode),
  pid: field(2, namespaceMode),
  ipc: field(3, namespaceMode),
  targetId: field(4, string),
});

export const securityProfile = message("SecurityProfile", {
  profileType: field(1, enumeration("ProfileType", ["RuntimeDefault", "Unconfined", "Localhost"])),
  localhostRef: field(2, string),
});

const linuxSandboxSecurityContext = message("LinuxSandboxSecurityContext", {
  namespaceOptions: field(1, namespaceOption),
  runAsUser: field(3, int64Value),
  readonlyRootfs: field(4, bool),
  supplementalGroups: repeated(5, int64),
  privileged: field(6, bool),
  runAsGroup: field(8, int64Value),
  seccomp: field(9, securityProfile),
});

const linuxPodSandboxConfig = message("LinuxPodSandboxConfig", {
  cgroupParent: field(1, string),
  securityContext: field(2, linuxSandboxSecurityContext),
  sysctls: stringMap(3),
});

const dnsConfig = message("DNSConfig", {
  servers: repeated(1, string),
  searches: repeated(2, string),
  options: repeated(3, string),
});

const portMapping = message("PortMapping", {
  protocol: field(1, enumeration("Protocol", ["TCP", "UDP", "SCTP"])),
  containerPort: field(2, int32),
  hostPort: field(3, int32),
  hostIp: field(4, string),
});
export type PortMapping = Encodable<typeof portMapping>;

const podSandboxMetadata = message("PodSandboxMetadata", {
  name: field(1, string),
  uid: field(2, string),
  namespace: field(3, string),
  attempt: field(4, uint32),
});

export const podSandboxConfig = message("PodSandboxConfig", {
  metadata: field(1, podSandboxMetadata),
  hostname: field(2, string),
  logDirectory: field(3, string),
  dnsConfig: field(4, dnsConfig),
  portMappings: repeated(5, portMapping),
  labels: stringMap(6),
  annotations: stringMap(7),
  linux: field(8, linuxPodSandboxConfig),
});
export type PodSandboxConfig = Encodable<typeof podSandboxConfig>;

export const runPodSandboxRequest = message("RunPodSandboxRequest", {
  config: field(1, podSandboxConfig),
  runtimeHandler: field(2, string),
});

/** Request or response that carries the id of a sandbox and nothing else. */
export const podSandboxIdOnly = message("PodSandboxId", { podSandboxId: field(1, string) });

export const podSandboxStatusRequest = message("PodSandboxStatusRequest", {
  podSandboxId: field(1, string),
  verbose: field(2, bool),
});

const podSandboxState = enumeration("PodSandboxState", ["SANDBOX_READY", "SANDBOX_NOTREADY"]);

const podSandboxNetworkStatus = message("PodSandboxNetworkStatus", {
  /** Empty for a pod in the node's network namespace. */
  ip: field(1, string),
  additionalIps: repeated(2, message("PodIP", { ip: field(1, string) })),
});

const podSandboxStatus = message("PodSandboxStatus", {
  id: field(1, string),
  metadata: field(2, podSandboxMetadata),
  state: field(3, podSandboxState),
  /** Nanoseconds since 1970. */
  createdAt: field(4, int64),
  network: field(5, podSandboxNetworkStatus),
  labels: stringMap(7),
  annotations: stringMap(8),
  runtimeHandler: field(9, string),
});
export type PodSandboxStatus = Decoded<typeof podSandboxStatus>;

export const podSandboxStatusResponse = message("PodSandboxStatusResponse", {
  status: field(1, podSandboxStatus),
  /** Only when asked verbosely: containerd's `info` is a JSON text with pid, runtimeSpec, cniResult, config. */
  info: stringMap(2),
});

export const listPodSandboxRequest = message("ListPodSandboxRequest", {
  filter: field(
    1,
    message("PodSandboxFilter", {
      id: field(1, string),
      state: field(2, message("PodSandboxStateValue", { state: field(1, podSandboxState) })),
      labelSelector: stringMap(3),
    }),
  ),
});

const podSandbox = message("PodSandbox", {
  id: field(1, string),
  metadata: field(2, podSandboxMetadata),
  state: field(3, podSandboxState),
  /** Nanoseconds since 1970. */
  createdAt: field(4, int64),
  labels: stringMap(5),
  annotations: stringMap(6),
  runtimeHandler: field(7, string),
});
export type PodSandbox = Decoded<typeof podSandbox>;

export const listPodSandboxResponse = message("ListPodSandboxResponse", { items: repeated(1, podSandbox) });

export const portForwardRequest = message("PortForwardRequest", {
  podSandboxId: field(1, string),
  /** For WebSocket clients; others name ports in their streams. */
  port: repeated(2, int32),
});
