/**
 * The calls of CRI that Podwire makes, and those of containerd's own services beside it, as one table; the client's
 * methods follow from it. Source: k8s.io/cri-api, package runtime.v1, services RuntimeService and ImageService.
 */
import {
  bool,
  type Encodable,
  field,
  message,
  type ProtobufType,
  repeated,
  string,
  stringMap,
} from "#base/protobuf.ts";
import {
  attachRequest,
  containerIdOnly,
  containerStatusRequest,
  containerStatusResponse,
  createContainerRequest,
  execRequest,
  execSyncRequest,
  execSyncResponse,
  listContainersRequest,
  listContainersResponse,
  stopContainerRequest,
  streamUrl,
} from "./container-messages.ts";
import {
  imageFsInfoRequest,
  imageFsInfoResponse,
  imageStatusRequest,
  imageStatusResponse,
  listImagesRequest,
  listImagesResponse,
  pullImageRequest,
  pullImageResponse,
  removeImageRequest,
} from "./image-messages.ts";
import { deleteLeaseRequest, listLeasesRequest, listLeasesResponse } from "./lease-messages.ts";
import {
  listPodSandboxRequest,
  listPodSandboxResponse,
  podSandboxIdOnly,
  podSandboxStatusRequest,
  podSandboxStatusResponse,
  portForwardRequest,
  runPodSandboxRequest,
} from "./sandbox-messages.ts";

/** A call with one request and one response. */
export interface UnaryMethod<Request, Response> {
  /** As the service spells it, of leases with the noun; the client's method starts with a small letter. */
  readonly name: string;
  readonly path: string;
  readonly request: ProtobufType<unknown, Request, undefined>;
  readonly response: ProtobufType<Response, never, undefined>;
  /** Of containerd, where the service is its own. */
  readonly namespace?: string;
  /** Milliseconds that the request itself asks the runtime to wait; they come on top of the client's own patience. */
  readonly asksForMs?: (request: Request) => number;
}

const empty = message("empty response", {});

const versionRequest = message("VersionRequest", { version: field(1, string) });
const versionResponse = message("VersionResponse", {
  version: field(1, string),
  runtimeName: field(2, string),
  runtimeVersion: field(3, string),
  runtimeApiVersion: field(4, string),
});

const runtimeCondition = message("RuntimeCondition", {
  /** "RuntimeReady" or "NetworkReady". */
  type: field(1, string),
  status: field(2, bool),
  reason: field(3, string),
  message: field(4, string),
});
const statusRequest = message("StatusRequest", { verbose: field(1, bool) });
const statusResponse = message("StatusResponse", {
  status: field(1, message("RuntimeStatus", { conditions: repeated(1, runtimeCondition) })),
  /** Only when asked verbosely: containerd's `lastCNILoadStatus` holds what is wrong with the CNI configuration. */
  info: stringMap(2),
});

function runtime<Request, Response>(
  name: string,
  request: ProtobufType<unknown, Request, undefined>,
  response: ProtobufType<Response, never, undefined>,
): UnaryMethod<Request, Response> {
  return { name, path: `/runtime.v1.RuntimeService/${name}`, request, response };
}

function images<Request, Response>(
  name: string,
  request: ProtobufType<unknown, Request, undefined>,
  response: ProtobufType<Response, never, undefined>,
): UnaryMethod<Request, Response> {
  return { name, path: `/runtime.v1.ImageService/${name}`, request, response };
}

/** Where containerd keeps what belongs to CRI. */
const CRI_NAMESPACE = "k8s.io";

function leases<Request, Response>(
  verb: "List" | "Delete",
  noun: string,
  request: ProtobufType<unknown, Request, undefined>,
  response: ProtobufType<Response, never, undefined>,
): UnaryMethod<Request, Response> {
  const path = `/containerd.services.leases.v1.Leases/${verb}`;
  return { name: verb + noun, path, request, response, namespace: CRI_NAMESPACE };
}

const LONGEST_PULL_MS = 3_600_000;

export const criMethods = {
  version: runtime("Version", versionRequest, versionResponse),
  status: runtime("Status", statusRequest, statusResponse),
  runPodSandbox: runtime("RunPodSandbox", runPodSandboxRequest, podSandboxIdOnly),
  stopPodSandbox: runtime("StopPodSandbox", podSandboxIdOnly, empty),
  removePodSandbox: runtime("RemovePodSandbox", podSandboxIdOnly, empty),
  podSandboxStatus: runtime("PodSandboxStatus", podSandboxStatusRequest, podSandboxStatusResponse),
  listPodSandbox: runtime("ListPodSandbox", listPodSandboxRequest, listPodSandboxResponse),
  createContainer: runtime("CreateContainer", createContainerRequest, containerIdOnly),
  startContainer: runtime("StartContainer", containerIdOnly, empty),
  stopContainer: {
    ...runtime("StopContainer", stopContainerRequest, empty),
    asksForMs: ({ timeout = 0n }: Encodable<typeof stopContainerRequest>) => Number(timeout) * 1000,
  },
  removeContainer: runtime("RemoveContainer", containerIdOnly, empty),
  containerStatus: runtime("ContainerStatus", containerStatusRequest, containerStatusResponse),
  reopenContainerLog: runtime("ReopenContainerLog", containerIdOnly, empty),
  listContainers: runtime("ListContainers", listContainersRequest, listContainersResponse),
  execSync: {
    ...runtime("ExecSync", execSyncRequest, execSyncResponse),
    asksForMs: ({ timeout = 0n }: Encodable<typeof execSyncRequest>) => Number(timeout) * 1000,
  },
  exec: runtime("Exec", execRequest, streamUrl),
  attach: runtime("Attach", attachRequest, streamUrl),
  portForward: runtime("PortForward", portForwardRequest, streamUrl),
  // As long as it takes: the runtime itself gives up on a registry that sends nothing.
  pullImage: { ...images("PullImage", pullImageRequest, pullImageResponse), asksForMs: () => LONGEST_PULL_MS },
  imageStatus: images("ImageStatus", imageStatusRequest, imageStatusResponse),
  listImages: images("ListImages", listImagesRequest, listImagesResponse),
  removeImage: images("RemoveImage", removeImageRequest, empty),
  imageFsInfo: images("ImageFsInfo", imageFsInfoRequest, imageFsInfoResponse),
  listLeases: leases("List", "Leases", listLeasesRequest, listLeasesResponse),
  deleteLease: leases("Delete", "Lease", deleteLeaseRequest, empty),
} as const;
