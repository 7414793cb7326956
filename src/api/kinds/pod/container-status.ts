/** How containers are. Source: Kubernetes API reference, core/v1 ContainerStatus. */
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
import { resourceList, resourceRequirements } from "./resource-requirements.ts";

const waiting = object("io.k8s.api.core.v1.ContainerStateWaiting", "The container does not run yet.", {
  reason: field(1, string, "One word for why, such as ImagePullBackOff."),
  message: field(2, string, "A sentence for people."),
});

const running = object("io.k8s.api.core.v1.ContainerStateRunning", "The container runs.", {
  startedAt: field(1, time, "Since when."),
});

const terminated = object("io.k8s.api.core.v1.ContainerStateTerminated", "The container has ended.", {
  exitCode: field(1, int32, "Exit code of its process.", { required: true }),
  signal: field(2, int32, "Signal that ended it, if one did."),
  reason: field(3, string, "One word for why, such as OOMKilled."),
  message: field(4, string, "Last words of the container."),
  startedAt: field(5, time, "When it started."),
  finishedAt: field(6, time, "When it ended."),
  containerID: field(7, string, "Its id at the runtime: containerd://…"),
});

const containerState = object("io.k8s.api.core.v1.ContainerState", "One of these; by default it waits.", {
  waiting: field(1, waiting, "It does not run yet."),
  running: field(2, running, "It runs."),
  terminated: field(3, terminated, "It has ended."),
});
export type ContainerState = ValueOf<typeof containerState>;

const volumeMountStatus = object("io.k8s.api.core.v1.VolumeMountStatus", "How a volume is mounted.", {
  name: field(1, string, "Name of the volume.", { required: true }),
  mountPath: field(2, string, "Path in the container.", { required: true }),
  readOnly: field(3, boolean, "True: it cannot be written."),
  recursiveReadOnly: field(4, oneOf("Disabled", "Enabled", "IfPossible"), "Whether mounts below are, too.", {
    pointer: true,
  }),
});

const linuxContainerUser = object("io.k8s.api.core.v1.LinuxContainerUser", "Ids of the first process.", {
  uid: field(1, int64, "User id.", { required: true }),
  gid: field(2, int64, "Group id.", { required: true }),
  supplementalGroups: field(3, list(int64), "Further group ids."),
});

const containerUser = object("io.k8s.api.core.v1.ContainerUser", "Who the first process is.", {
  linux: field(1, linuxContainerUser, "On Linux nodes."),
});

const resourceHealth = object("io.k8s.api.core.v1.ResourceHealth", "How a device is.", {
  resourceID: field(1, string, "Id of the device.", { required: true }),
  health: field(2, string, "Healthy, Unhealthy or Unknown."),
});

const resourceStatus = object("io.k8s.api.core.v1.ResourceStatus", "How the devices of a resource are.", {
  name: field(1, string, "Name of the resource.", { required: true }),
  resources: field(2, listBy(resourceHealth, ["resourceID"]), "The devices."),
});

export const containerStatus = object("io.k8s.api.core.v1.ContainerStatus", "How a container is.", {
  name: field(1, string, "Name of the container.", { required: true }),
  state: field(2, containerState, "What it does now.", { default: {} }),
  lastState: field(3, containerState, "How it ended the last time.", { default: {} }),
  ready: field(4, boolean, "True: it passes its readiness probe.", { required: true }),
  restartCount: field(5, int32, "How often it was started again.", { required: true }),
  image: field(6, string, "Image that it runs.", { required: true, default: "" }),
  imageID: field(7, string, "Id of the image.", { required: true, default: "" }),
  containerID: field(8, string, "Its id at the runtime: containerd://…"),
  started: field(9, boolean, "True: it runs and has passed its startup probe.", { pointer: true }),
  allocatedResources: field(10, resourceList, "What the node has set aside for it."),
  resources: field(11, resourceRequirements, "Requests and limits that hold now."),
  volumeMounts: field(
    12,
    listBy(volumeMountStatus, ["mountPath"], { patchKey: "mountPath" }),
    "How its volumes are mounted.",
  ),
  user: field(13, containerUser, "Who its first process is."),
  allocatedResourcesStatus: field(
    14,
    listBy(resourceStatus, ["name"], { patchKey: "name" }),
    "How the devices are that it uses.",
  ),
});
export type ContainerStatus = ValueOf<typeof containerStatus>;
