/** Containers of pods. Source: Kubernetes API reference, core/v1 Container, EphemeralContainer; defaults as the API server sets them. */

import { checkDnsLabel } from "../../names.ts";
import {
  boolean,
  type Fields,
  field,
  int32,
  list,
  listBy,
  object,
  oneOf,
  string,
  stringOf,
  type ValueOf,
} from "../../schema/schema.ts";
import { checkAddress } from "../network/address.ts";
import { checkPortName, portNumber, protocol } from "../network/port.ts";
import { envFromSource, envVar } from "./env.ts";
import { defaultPullPolicy, pullPolicy } from "./image.ts";
import { lifecycle, probe } from "./probe.ts";
import { resourceRequirements } from "./resource-requirements.ts";
import { securityContext } from "./security-context.ts";

const containerPort = object("io.k8s.api.core.v1.ContainerPort", "A port that a container listens on.", {
  name: field(1, stringOf(checkPortName), "Name of the port, unique in the pod, for services to refer to."),
  hostPort: field(2, int32, "Port of the node that leads to it."),
  containerPort: field(3, portNumber, "Number of the port.", { required: true }),
  protocol: field(4, protocol, "Protocol of the port.", { default: "TCP" }),
  hostIP: field(5, stringOf(checkAddress), "Address of the node that hostPort is bound to."),
});
export type ContainerPort = ValueOf<typeof containerPort>;

const volumeMount = object("io.k8s.api.core.v1.VolumeMount", "Where a volume appears in a container.", {
  name: field(1, string, "Name of a volume of the pod.", { required: true }),
  readOnly: field(2, boolean, "True: the container cannot write to it."),
  recursiveReadOnly: field(
    7,
    oneOf("Disabled", "Enabled", "IfPossible"),
    "Whether mounts below are read-only as well.",
    { pointer: true },
  ),
  mountPath: field(3, string, "Path in the container.", { required: true }),
  subPath: field(4, string, "Path in the volume that is mounted instead of its root."),
  mountPropagation: field(
    5,
    oneOf("Bidirectional", "HostToContainer", "None"),
    "Which mounts are seen on the other side.",
    { pointer: true },
  ),
  subPathExpr: field(6, string, "As subPath, with $(NAME) standing for environment variables."),
});
export type VolumeMount = ValueOf<typeof volumeMount>;

const volumeDevice = object("io.k8s.api.core.v1.VolumeDevice", "A raw block device in a container.", {
  name: field(1, string, "Name of a persistentVolumeClaim volume of the pod.", { required: true }),
  devicePath: field(2, string, "Path in the container.", { required: true }),
});

const containerResizePolicy = object("io.k8s.api.core.v1.ContainerResizePolicy", "What a resize does.", {
  resourceName: field(1, oneOf("cpu", "memory"), "Name of the resource.", { required: true }),
  restartPolicy: field(2, oneOf("NotRequired", "RestartContainer"), "Whether the container restarts.", {
    required: true,
  }),
});

const containerFields = {
  name: field(1, stringOf(checkDnsLabel), "Name of the container, unique in the pod.", { required: true }),
  image: field(2, string, "Image to run.", { required: true }),
  command: field(3, list(string), "Entry point, instead of the image's; $(NAME) stands for a variable."),
  args: field(4, list(string), "Arguments of the entry point, instead of the image's."),
  workingDir: field(5, string, "Working directory, instead of the image's."),
  ports: field(
    6,
    listBy(containerPort, ["containerPort", "protocol"], { patchKey: "containerPort" }),
    "Ports that it listens on; for information, and for names and host ports.",
  ),
  envFrom: field(19, list(envFromSource), "ConfigMaps and Secrets whose keys become environment variables."),
  env: field(7, listBy(envVar, ["name"], { patchKey: "name" }), "Environment variables."),
  resources: field(8, resourceRequirements, "What it needs and may use.", { default: {} }),
  resizePolicy: field(23, list(containerResizePolicy), "What happens when its resources change."),
  restartPolicy: field(24, oneOf("Always"), "Always, for init containers that keep running beside the others.", {
    pointer: true,
  }),
  volumeMounts: field(
    9,
    listBy(volumeMount, ["mountPath"], { patchKey: "mountPath" }),
    "Volumes of the pod that it sees.",
  ),
  volumeDevices: field(
    21,
    listBy(volumeDevice, ["devicePath"], { patchKey: "devicePath" }),
    "Block devices that it sees.",
  ),
  livenessProbe: field(10, probe, "When it fails, the container is restarted."),
  readinessProbe: field(11, probe, "While it fails, the pod gets no traffic of services."),
  startupProbe: field(22, probe, "Until it succeeds, the other probes wait."),
  lifecycle: field(12, lifecycle, "What happens at its start and end."),
  terminationMessagePath: field(13, string, "File whose text becomes the message of its end.", {
    default: "/dev/termination-log",
  }),
  terminationMessagePolicy: field(20, oneOf("FallbackToLogsOnError", "File"), "Where that message comes from.", {
    default: "File",
  }),
  imagePullPolicy: field(14, pullPolicy, "When the image is pulled; by default depends on its tag.", {
    default: ({ image }) => defaultPullPolicy(image),
  }),
  securityContext: field(15, securityContext, "Rights of the container."),
  stdin: field(16, boolean, "True: it has a standard input."),
  stdinOnce: field(17, boolean, "True: its input closes after the first client is gone."),
  tty: field(18, boolean, "True: it has a terminal."),
} satisfies Fields;

export const container = object("io.k8s.api.core.v1.Container", "A container of a pod.", containerFields);
export type Container = ValueOf<typeof container>;

export const ephemeralContainer = object(
  "io.k8s.api.core.v1.EphemeralContainer",
  "A container that is added to a running pod, to look into it.",
  {
    ...inlined(1, containerFields),
    targetContainerName: field(2, string, "Container whose namespaces it joins."),
  },
);
export type EphemeralContainer = ValueOf<typeof ephemeralContainer>;

/** The same fields inside a message that JSON does not show. */
function inlined<F extends Fields>(outer: number, fields: F): F {
  const entries = Object.entries(fields).map(([name, { number, ...rest }]) => {
    if (typeof number !== "number") throw new RangeError(`Cannot inline "${name}": it is inlined already`);
    return [name, { ...rest, number: [outer, number] }];
  });
  // The names stay, and so do the types of their values.
  return Object.fromEntries(entries) as F;
}
