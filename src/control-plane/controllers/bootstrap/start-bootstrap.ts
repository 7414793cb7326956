/**
 * Makes what every cluster starts with, and makes it again when it is deleted: the system's namespaces, the roles by
 * which its parts may do their work, and the service of the API server.
 */
import { isApiError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { type Endpoints, endpoints as endpointsKind } from "#api/kinds/endpoints.ts";
import { namespace as namespaceKind } from "#api/kinds/namespace.ts";
import { clusterRole } from "#api/kinds/rbac/cluster-role.ts";
import { clusterRoleBinding } from "#api/kinds/rbac/cluster-role-binding.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import type { Draft } from "#api-client/api-client.ts";
import type { Prefix } from "#base/ip-address.ts";
import { bootstrapClusterRoleBindings } from "../../authorization/bootstrap-cluster-role-bindings.ts";
import { bootstrapClusterRoles } from "../../authorization/bootstrap-cluster-roles.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { type KeyQueue, startControlLoop } from "../start-control-loop.ts";
import {
  type ApiServerAddress,
  KUBERNETES,
  kubernetesService,
  kubernetesServiceAddress,
  planKubernetesEndpoints,
  planKubernetesSlice,
  reachable,
} from "./plan-kubernetes-service.ts";

export interface BootstrapOptions {
  /** Where API servers listen. */
  readonly apiServers: readonly ApiServerAddress[];
  /** The first address of the first range is that of the service. */
  readonly serviceCidrs?: readonly Prefix[] | undefined;
}

const NAME = "bootstrap";
const SYSTEM_NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

export function bootstrapController(options: BootstrapOptions): Controller {
  return { name: NAME, start: (context) => start(context, options) };
}

/** Keys of the queue. */
type Task = "namespaces" | "roles" | "service" | "endpoints" | "slice";

function start(context: ControllerContext, options: BootstrapOptions): Promise<AsyncDisposable> {
  const namespaces = context.informer(namespaceKind);
  const roles = context.informer(clusterRole);
  const bindings = context.informer(clusterRoleBinding);
  const services = context.informer(serviceKind);
  const endpoints = context.informer(endpointsKind);
  const slices = context.informer(endpointSlice);
  const servers = reachable(options.apiServers);
  const { namespace, name } = KUBERNETES;

  const tasks: Readonly<Record<Task, (signal: AbortSignal) => Promise<void>>> = {
    async namespaces(signal) {
      for (const system of SYSTEM_NAMESPACES) {
        if (namespaces.get(undefined, system) !== undefined) continue;
        await ensure(context, namespaceKind, { metadata: { name: system } }, signal);
      }
    },
    async roles(signal) {
      for (const role of bootstrapClusterRoles) {
        if (roles.get(undefined, role.metadata.name ?? "") === undefined) {
          await ensure(context, clusterRole, role, signal);
        }
      }
      for (const binding of bootstrapClusterRoleBindings) {
        if (bindings.get(undefined, binding.metadata.name ?? "") === undefined) {
          await ensure(context, clusterRoleBinding, binding, signal);
        }
      }
    },
    async service(signal) {
      const [port] = options.apiServers.map((server) => server.port);
      if (services.get(namespace, name) !== undefined || port === undefined) return;
      const [serviceCidr] = options.serviceCidrs ?? [];
      const clusterIP = serviceCidr === undefined ? undefined : kubernetesServiceAddress(serviceCidr);
      await ensure(context, serviceKind, kubernetesService(clusterIP, port), signal);
    },
    async endpoints(signal) {
      if (servers.length === 0) return;
      const next = planKubernetesEndpoints(servers, endpoints.get(namespace, name));
      if (next !== undefined) await write(context, endpointsKind, next, signal);
    },
    async slice(signal) {
      const current = slices.get(namespace, name);
      const next = planKubernetesSlice(servers, current);
      if (next === undefined) return;
      if (current !== undefined && current.addressType !== next.addressType) {
        await context.client.delete(endpointSlice, KUBERNETES, {}, signal);
        return; // its end brings the task back
      }
      await write(context, endpointSlice, next, signal);
    },
  };

  return startControlLoop(context, {
    name: NAME,
    // One after the other: namespaces come before what is in them.
    workers: 1,
    informers: [namespaces, roles, bindings, services, endpoints, slices],
    subscribe(queue, subscriptions) {
      const again = (task: Task) => addTask(queue, task);
      const isKubernetes = ({ metadata }: KubeObject): boolean =>
        metadata.namespace === namespace && metadata.name === name;
      const whenKubernetes = (task: Task) => (object: KubeObject) => {
        if (isKubernetes(object)) addTask(queue, task);
      };
      for (const task of TASKS) addTask(queue, task);
      subscriptions.use(namespaces.subscribe({ onDelete: () => TASKS.forEach(again) }));
      subscriptions.use(roles.subscribe({ onDelete: () => again("roles") }));
      subscriptions.use(bindings.subscribe({ onDelete: () => again("roles") }));
      subscriptions.use(services.subscribe({ onDelete: whenKubernetes("service") }));
      const forEndpoints = whenKubernetes("endpoints");
      subscriptions.use(endpoints.subscribe({ onUpdate: forEndpoints, onDelete: forEndpoints }));
      const forSlice = whenKubernetes("slice");
      subscriptions.use(slices.subscribe({ onUpdate: forSlice, onDelete: forSlice }));
    },
    async work(key, signal) {
      const task = TASKS.find((one) => one === key);
      if (task !== undefined) await tasks[task](signal);
    },
  });
}

const TASKS = ["namespaces", "roles", "service", "endpoints", "slice"] as const satisfies readonly Task[];

function addTask(queue: KeyQueue, task: Task): void {
  queue.add(task);
}

async function ensure<O extends KubeObject>(
  { client }: ControllerContext,
  kind: Kind<O>,
  draft: Draft<O>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.create(kind, draft, signal);
  } catch (error) {
    // The caches may not show it yet.
    if (!isApiError(error, "AlreadyExists")) throw error;
  }
}

async function write<O extends Endpoints | EndpointSlice>(
  context: ControllerContext,
  kind: Kind<O>,
  next: O | Draft<O>,
  signal: AbortSignal,
): Promise<void> {
  if (isStored(next)) await context.client.update(kind, next, signal);
  else await ensure(context, kind, next, signal);
}

function isStored<O extends KubeObject>(object: O | Draft<O>): object is O {
  return object.metadata.resourceVersion !== undefined;
}
