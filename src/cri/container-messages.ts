/**
 * Messages of CRI about containers: the fields that Podwire uses.
 * Source: k8s.io/cri-api, package runtime.v1, Kubernetes 1.32; containerd 1.6 skips what it does not know.
 */
import {
  bool,
  bytes,
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
import { imageSpec } from "./image-messages.ts";
import { namespaceOption, optionalInt64, podSandboxConfig, securityProfile } from "./sandbox-messages.ts";

const containerMetadata = message("ContainerMetadata", { name: field(1, string), attempt: field(2, uint32) });

const mount = message("Mount", {
  containerPath: field(1, string),
  hostPath: field(2, string),
  readonly: field(3, bool),
  propagation: field(
    5,
    enumeration("MountPropagation", [
      "PROPAGATION_PRIVATE",
      "PROPAGATION_HOST_TO_CONTAINER",
      "PROPAGATION_BIDIRECTIONAL",
    ]),
  ),
});

const linuxContainerResources = message("LinuxContainerResources", {
  cpuPeriod: field(1, int64),
  cpuQuota: field(2, int64),
  cpuShares: field(3, int64),
  memoryLimitInBytes: field(4, int64),
  oomScoreAdj: field(5, int64),
  cpusetCpus: field(6, string),
  cpusetMems: field(7, string),
  unified: stringMap(9),
});

const linuxContainerSecurityContext = message("LinuxContainerSecurityContext", {
  capabilities: field(
    1,
    message("Capability", { addCapabilities: repeated(1, string), dropCapabilities: repeated(2, string) }),
  ),
  privileged: field(2, bool),
  namespaceOptions: field(3, namespaceOption),
  runAsUser: field(5, optionalInt64),
  runAsUsername: field(6, string),
  readonlyRootfs: field(7, bool),
  supplementalGroups: repeated(8, int64),
  noNewPrivs: field(11, bool),
  runAsGroup: field(12, optionalInt64),
  maskedPaths: repeated(13, string),
  readonlyPaths: repeated(14, string),
  seccomp: field(15, securityProfile),
});

const linuxContainerConfig = message("LinuxContainerConfig", {
  resources: field(1, linuxContainerResources),
  securityContext: field(2, linuxContainerSecurityContext),
});

const keyValue = message("KeyValue", { key: field(1, string), value: field(2, string) });

const containerConfig = message("ContainerConfig", {
  metadata: field(1, containerMetadata),
  image: field(2, imageSpec),
  /** Kubernetes' `command`: replaces the image's entry point. */
  command: repeated(3, string),
  args: repeated(4, string),
  workingDir: field(5, string),
  envs: repeated(6, keyValue),
  mounts: repeated(7, mount),
  labels: stringMap(9),
  annotations: stringMap(10),
  /** Relative to the sandbox's log directory. */
  logPath: field(11, string),
  stdin: field(12, bool),
  stdinOnce: field(13, bool),
  tty: field(14, bool),
  linux: field(15, linuxContainerConfig),
});
export type ContainerConfig = Encodable<typeof containerConfig>;

export const createContainerRequest = message("CreateContainerRequest", {
  podSandboxId: field(1, string),
  config: field(2, containerConfig),
  /** The same that the sandbox was run with. */
  sandboxConfig: field(3, podSandboxConfig),
});

/** Request or response that carries the id of a container and nothing else. */
export const containerIdOnly = message("ContainerId", { containerId: field(1, string) });

export const stopContainerRequest = message("StopContainerRequest", {
  containerId: field(1, string),
  /** Seconds between the stop signal and SIGKILL; 0 kills at once. */
  timeout: field(2, int64),
});

export const containerStatusRequest = message("ContainerStatusRequest", {
  containerId: field(1, string),
  verbose: field(2, bool),
});

const containerState = enumeration("ContainerState", [
  "CONTAINER_CREATED",
  "CONTAINER_RUNNING",
  "CONTAINER_EXITED",
  "CONTAINER_UNKNOWN",
]);

const containerStatus = message("ContainerStatus", {
  id: field(1, string),
  metadata: field(2, containerMetadata),
  state: field(3, containerState),
  /** Nanoseconds since 1970, as the two below; 0 when it has not happened. */
  createdAt: field(4, int64),
  startedAt: field(5, int64),
  finishedAt: field(6, int64),
  exitCode: field(7, int32),
  image: field(8, imageSpec),
  imageRef: field(9, string),
  /** "Completed", "Error", "OOMKilled", "StartError", … */
  reason: field(10, string),
  message: field(11, string),
  labels: stringMap(12),
  annotations: stringMap(13),
  mounts: repeated(14, mount),
  logPath: field(15, string),
});
export type ContainerStatus = Decoded<typeof containerStatus>;

export const containerStatusResponse = message("ContainerStatusResponse", {
  status: field(1, containerStatus),
  /** Only when asked verbosely: containerd's `info` is a JSON text with pid, runtimeSpec, config. */
  info: stringMap(2),
});

export const listContainersRequest = message("ListContainersRequest", {
  filter: field(
    1,
    message("ContainerFilter", {
      id: field(1, string),
      state: field(2, message("ContainerStateValue", { state: field(1, containerState) })),
      podSandboxId: field(3, string),
      labelSelector: stringMap(4),
    }),
  ),
});

const container = message("Container", {
  id: field(1, string),
  podSandboxId: field(2, string),
  metadata: field(3, containerMetadata),
  image: field(4, imageSpec),
  imageRef: field(5, string),
  state: field(6, containerState),
  createdAt: field(7, int64),
  labels: stringMap(8),
  annotations: stringMap(9),
});
export type Container = Decoded<typeof container>;

export const listContainersResponse = message("ListContainersResponse", { containers: repeated(1, container) });

export const execSyncRequest = message("ExecSyncRequest", {
  containerId: field(1, string),
  cmd: repeated(2, string),
  /** Seconds; 0 waits for ever. */
  timeout: field(3, int64),
});

export const execSyncResponse = message("ExecSyncResponse", {
  stdout: field(1, bytes),
  stderr: field(2, bytes),
  exitCode: field(3, int32),
});

/** For `exec` and `attach`: CRI answers with a URL that the streams are opened at. */
export const execRequest = message("ExecRequest", {
  containerId: field(1, string),
  cmd: repeated(2, string),
  tty: field(3, bool),
  stdin: field(4, bool),
  stdout: field(5, bool),
  /** Must be false with a terminal. */
  stderr: field(6, bool),
});

export const attachRequest = message("AttachRequest", {
  containerId: field(1, string),
  stdin: field(2, bool),
  tty: field(3, bool),
  stdout: field(4, bool),
  stderr: field(5, bool),
});

/** The token in the URL is good for one connection. */
export const streamUrl = message("StreamUrl", { url: field(1, string) });
