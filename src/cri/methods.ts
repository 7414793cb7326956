/**
 * The calls of CRI that Podwire makes, as one table; the client's methods follow from it.
 * Source: k8s.io/cri-api, package runtime.v1, services RuntimeService and ImageService.
 */
import { bool, field, message, type ProtobufType, repeated, string, stringMap } from "#base/protobuf.ts";
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
  imageStatusRequest,
  imageStatusResponse,
  listImagesRequest,
  listImagesResponse,
  pullImageRequest,
  pullImageResponse,
} from "./image-messages.ts";
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
  /** As the service spells it; the client's method starts with a small letter. */
  readonly name: string;
  readonly path: string;
  readonly request: ProtobufType<unknown, Request, undefined>;
  readonly response: ProtobufType<Response, never, undefined>;
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
  stopContainer: runtime("StopContainer", stopContainerRequest, empty),
  removeContainer: runtime("RemoveContainer", containerIdOnly, empty),
  containerStatus: runtime("ContainerStatus", containerStatusRequest, containerStatusResponse),
  listContainers: runtime("ListContainers", listContainersRequest, listContainersResponse),
  execSync: runtime("ExecSync", execSyncRequest, execSyncResponse),
  exec: runtime("Exec", execRequest, streamUrl),
  attach: runtime("Attach", attachRequest, streamUrl),
  portForward: runtime("PortForward", portForwardRequest, streamUrl),
  pullImage: images("PullImage", pullImageRequest, pullImageResponse),
  imageStatus: images("ImageStatus", imageStatusRequest, imageStatusResponse),
  listImages: images("ListImages", listImagesRequest, listImagesResponse),
} as const;
