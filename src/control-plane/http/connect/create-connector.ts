/** Which subresources lead out of the API server, and the objects that say where to. */
import type { Kind, KubeObject } from "#api/kind.ts";
import { type Endpoints, endpoints } from "#api/kinds/endpoints.ts";
import { type Node, node } from "#api/kinds/node.ts";
import { type Pod, pod } from "#api/kinds/pod/pod.ts";
import { type Service, service } from "#api/kinds/service/service.ts";
import type { RequestContext, ResourceApi, Target } from "../../resources/resource-api.ts";
import { createKubeletLocator, kubeletAddressOf } from "./kubelet-locator.ts";
import { type ConnectCall, type ConnectDeps, servePodLog, servePodStream } from "./serve-connect.ts";
import { parseProxyName, podBackend, serveProxy, serviceBackend } from "./serve-proxy.ts";

export interface ConnectorDeps {
  /** For the next connection: certificates are renewed. */
  readonly kubeletTls: () => ConnectDeps["kubeletTls"];
  readonly resourceApi: Pick<ResourceApi, "get">;
  readonly random: () => number;
}

/** Resolves when the connection is over; rejects with ApiError before it stands. */
export type Connect = (call: ConnectCall, context: RequestContext) => Promise<void>;

/** undefined for subresources that are answered here. */
export type Connector = (target: Target) => Connect | undefined;

export function createConnector({ resourceApi, kubeletTls, random }: ConnectorDeps): Connector {
  const read =
    <O extends KubeObject>(kind: Kind<O>) =>
    async (namespace: string | undefined, name: string, context: RequestContext): Promise<O> => {
      const target: Target = { kind, namespace, name, subresource: "" };
      // What is read as this kind was decoded as this kind.
      return (await resourceApi.get(target, {}, context)) as O;
    };
  const getPod = read<Pod>(pod);
  const getNode = read<Node>(node);
  const getService = read<Service>(service);
  const getEndpoints = read<Endpoints>(endpoints);
  const depsFor = (context: RequestContext): ConnectDeps => ({
    kubelets: createKubeletLocator({ getNode: (name) => getNode(undefined, name, context) }),
    kubeletTls: kubeletTls(),
  });
  const podOf = ({ target }: ConnectCall, context: RequestContext): Promise<Pod> =>
    getPod(target.namespace, target.name ?? "", context);
  const podStream =
    (stream: "exec" | "attach" | "portforward"): Connect =>
    async (call, context) =>
      await servePodStream(depsFor(context), { ...call, stream }, await podOf(call, context));
  const connects: Readonly<Record<string, Connect>> = {
    "pods/log": async (call, context) => await servePodLog(depsFor(context), call, await podOf(call, context)),
    "pods/exec": podStream("exec"),
    "pods/attach": podStream("attach"),
    "pods/portforward": podStream("portforward"),
    "pods/proxy": async (call, context) => {
      const name = parseProxyName(call.target.name ?? "");
      await serveProxy(call, podBackend(await getPod(call.target.namespace, name.name, context), name));
    },
    "services/proxy": async (call, context) => {
      const name = parseProxyName(call.target.name ?? "");
      const { namespace } = call.target;
      const found = await getService(namespace, name.name, context);
      await serveProxy(call, serviceBackend(found, await getEndpoints(namespace, name.name, context), name, random));
    },
    "nodes/proxy": async (call, context) => {
      const name = parseProxyName(call.target.name ?? "");
      const address = kubeletAddressOf(await getNode(undefined, name.name, context));
      await serveProxy(call, { ...address, tls: kubeletTls() });
    },
  };
  return ({ kind, subresource }) => (kind.group === "" ? connects[`${kind.plural}/${subresource}`] : undefined);
}
