/**
 * What the API server asks of a kubelet for a pod's log, exec, attach and port-forward.
 * Source: Kubernetes documentation, "Kubelet authentication/authorization"; the kubelet's HTTP API.
 */
import { badRequestError } from "#api/api-error.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";

export type PodStream = "log" | "exec" | "attach" | "portforward";

/** Path and query on the kubelet. Throws ApiError 400. */
export function kubeletPath(pod: Pod, stream: PodStream, query: URLSearchParams): string {
  const { name = "", namespace = "" } = pod.metadata;
  const place = [namespace, name].map(encodeURIComponent).join("/");
  if (stream === "portforward") return withQuery(`/portForward/${place}`, portQuery(query));
  const container = encodeURIComponent(chooseContainer(pod, query.get("container") ?? ""));
  switch (stream) {
    case "log":
      return withQuery(`/containerLogs/${place}/${container}`, logQuery(query));
    case "exec":
    case "attach":
      return withQuery(`/${stream}/${place}/${container}`, streamQuery(query));
    default:
      return stream satisfies never;
  }
}

/** The node that the pod is on. Throws ApiError 400 when it has none yet. */
export function nodeNameOf({ metadata, spec }: Pod): string {
  const name = spec?.nodeName ?? "";
  if (name === "") throw badRequestError(`pod ${metadata.name} does not have a host assigned`);
  return name;
}

function chooseContainer({ metadata, spec }: Pod, wanted: string): string {
  const names = namesOf(spec?.containers);
  const initNames = namesOf(spec?.initContainers);
  if (wanted !== "") {
    if ([...names, ...initNames, ...namesOf(spec?.ephemeralContainers)].includes(wanted)) return wanted;
    throw badRequestError(`container ${wanted} is not valid for pod ${metadata.name}`);
  }
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  const choice = names.length === 0 ? "" : `, choose one of: [${names.join(" ")}]`;
  const others = initNames.length === 0 ? "" : ` or one of the init containers: [${initNames.join(" ")}]`;
  throw badRequestError(`a container name must be specified for pod ${metadata.name}${choice}${others}`);
}

function namesOf(containers: readonly { readonly name: string }[] | undefined): readonly string[] {
  return (containers ?? []).map(({ name }) => name);
}

const LOG_PARAMETERS = ["follow", "previous", "timestamps", "sinceSeconds", "sinceTime", "tailLines", "limitBytes"];

function logQuery(query: URLSearchParams): readonly (readonly [string, string])[] {
  return LOG_PARAMETERS.flatMap((name) => {
    const value = query.get(name);
    return value === null || value === "" ? [] : [[name, value] as const];
  });
}

/** The kubelet has names of its own for the streams. */
const STREAM_PARAMETERS = [
  ["stdin", "input"],
  ["stdout", "output"],
  ["stderr", "error"],
  ["tty", "tty"],
] as const;

function streamQuery(query: URLSearchParams): readonly (readonly [string, string])[] {
  const streams = STREAM_PARAMETERS.filter(([name]) => ["true", "1"].includes(query.get(name) ?? ""));
  return [
    ...streams.map(([, name]) => [name, "1"] as const),
    ...query.getAll("command").map((word) => ["command", word] as const),
  ];
}

function portQuery(query: URLSearchParams): readonly (readonly [string, string])[] {
  const ports = [...query.getAll("ports"), ...query.getAll("port")];
  return ports.length === 0 ? [] : [["port", ports.join(",")]];
}

function withQuery(path: string, parameters: readonly (readonly [string, string])[]): string {
  const text = new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value])).toString();
  return text === "" ? path : `${path}?${text}`;
}
