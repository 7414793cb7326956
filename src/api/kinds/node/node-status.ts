/** How a node is. Source: Kubernetes API reference, core/v1 NodeStatus; defaults as the API server sets them. */
import { conditionStatus } from "../../meta/condition.ts";
import {
  boolean,
  field,
  int32,
  int64,
  list,
  listBy,
  object,
  oneOf,
  string,
  time,
  type ValueOf,
} from "../../schema/schema.ts";
import { resourceList } from "../pod/resource-requirements.ts";
import { nodeConfigSource } from "./node-config-source.ts";

const ALWAYS_WRITTEN = { required: true, default: "" } as const;

const nodeCondition = object("io.k8s.api.core.v1.NodeCondition", "One aspect of a node's state.", {
  type: field(1, string, "Name of the aspect, such as Ready or MemoryPressure.", { required: true }),
  status: field(2, conditionStatus, "Whether it holds.", { required: true }),
  lastHeartbeatTime: field(3, time, "When it was last written."),
  lastTransitionTime: field(4, time, "When status last changed."),
  reason: field(5, string, "One word for programs."),
  message: field(6, string, "A sentence for people."),
});
export type NodeCondition = ValueOf<typeof nodeCondition>;

const nodeAddress = object("io.k8s.api.core.v1.NodeAddress", "A name or address of a node.", {
  type: field(1, string, "Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS.", { required: true }),
  address: field(2, string, "The name or address.", { required: true }),
});
export type NodeAddress = ValueOf<typeof nodeAddress>;

const daemonEndpoint = object("io.k8s.api.core.v1.DaemonEndpoint", "Where a daemon of the node listens.", {
  Port: field(1, int32, "Its port.", { required: true }),
});

const nodeDaemonEndpoints = object("io.k8s.api.core.v1.NodeDaemonEndpoints", "Where daemons of the node listen.", {
  kubeletEndpoint: field(1, daemonEndpoint, "Where the kubelet listens.", { default: {} }),
});

const nodeSystemInfo = object("io.k8s.api.core.v1.NodeSystemInfo", "The node's machine and software.", {
  machineID: field(1, string, "Id of the installation, as in /etc/machine-id.", ALWAYS_WRITTEN),
  systemUUID: field(2, string, "UUID of the machine.", ALWAYS_WRITTEN),
  bootID: field(3, string, "Id of the current boot.", ALWAYS_WRITTEN),
  kernelVersion: field(4, string, "Version of the kernel, as uname -r prints it.", ALWAYS_WRITTEN),
  osImage: field(5, string, "Name of the operating system, as in /etc/os-release.", ALWAYS_WRITTEN),
  containerRuntimeVersion: field(6, string, "Runtime and its version: containerd://1.7.0.", ALWAYS_WRITTEN),
  kubeletVersion: field(7, string, "Version of the kubelet.", ALWAYS_WRITTEN),
  kubeProxyVersion: field(8, string, "Not used any more.", ALWAYS_WRITTEN),
  operatingSystem: field(9, string, "linux or windows.", ALWAYS_WRITTEN),
  architecture: field(10, string, "Processor, as Go names it: amd64, arm64.", ALWAYS_WRITTEN),
});
export type NodeSystemInfo = ValueOf<typeof nodeSystemInfo>;

const containerImage = object("io.k8s.api.core.v1.ContainerImage", "An image that the node holds.", {
  names: field(1, list(string), "Names that it is known by."),
  sizeBytes: field(2, int64, "Its size."),
});

const attachedVolume = object("io.k8s.api.core.v1.AttachedVolume", "A volume that is attached to the node.", {
  name: field(1, string, "Name of the volume.", { required: true }),
  devicePath: field(2, string, "Path of its device.", ALWAYS_WRITTEN),
});

const nodeConfigStatus = object("io.k8s.api.core.v1.NodeConfigStatus", "Not used any more.", {
  assigned: field(1, nodeConfigSource, "Not used any more."),
  active: field(2, nodeConfigSource, "Not used any more."),
  lastKnownGood: field(3, nodeConfigSource, "Not used any more."),
  error: field(4, string, "Not used any more."),
});

const runtimeHandlerFeatures = object("io.k8s.api.core.v1.NodeRuntimeHandlerFeatures", "What a handler can do.", {
  recursiveReadOnlyMounts: field(1, boolean, "True: read-only mounts can be recursive.", { pointer: true }),
  userNamespaces: field(2, boolean, "True: pods can have user namespaces.", { pointer: true }),
});

const runtimeHandler = object("io.k8s.api.core.v1.NodeRuntimeHandler", "A handler of the node's runtime.", {
  name: field(1, string, "Name of the handler; empty for the default one.", ALWAYS_WRITTEN),
  features: field(2, runtimeHandlerFeatures, "What it can do."),
});

const nodeFeatures = object("io.k8s.api.core.v1.NodeFeatures", "What the node's runtime can do.", {
  supplementalGroupsPolicy: field(1, boolean, "True: pods can say which groups count.", { pointer: true }),
});

export const nodeStatus = object("io.k8s.api.core.v1.NodeStatus", "How a node is; written by its kubelet.", {
  capacity: field(1, resourceList, "What the node has."),
  allocatable: field(2, resourceList, "What of it pods can use; by default all.", {
    default: ({ capacity }) => capacity,
  }),
  phase: field(3, oneOf("Pending", "Running", "Terminated"), "Not used any more."),
  conditions: field(4, listBy(nodeCondition, ["type"], { patchKey: "type" }), "Aspects of its state."),
  addresses: field(5, listBy(nodeAddress, ["type"], { patchKey: "type" }), "How it is reached."),
  daemonEndpoints: field(6, nodeDaemonEndpoints, "Where its daemons listen.", { default: {} }),
  nodeInfo: field(7, nodeSystemInfo, "Its machine and software.", { default: {} }),
  images: field(8, list(containerImage), "Images that it holds."),
  volumesInUse: field(9, list(string), "Names of volumes that its pods use."),
  volumesAttached: field(10, list(attachedVolume), "Volumes that are attached to it."),
  config: field(11, nodeConfigStatus, "Not used any more."),
  runtimeHandlers: field(12, list(runtimeHandler), "Handlers of its runtime."),
  features: field(13, nodeFeatures, "What its runtime can do."),
});
export type NodeStatus = ValueOf<typeof nodeStatus>;
