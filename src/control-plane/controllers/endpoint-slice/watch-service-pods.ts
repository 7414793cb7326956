/** Tells which services to look at again when services, pods or nodes change; for all who make endpoints of pods. */
import { node as nodeKind } from "#api/kinds/node.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { type Service, service as serviceKind } from "#api/kinds/service/service.ts";
import type { Informer } from "#api-client/informer.ts";
import { keyOf } from "#api-client/object-cache.ts";
import type { ControllerContext } from "../controller.ts";
import type { KeyQueue } from "../start-control-loop.ts";
import { ZONE_LABEL } from "./describe-endpoint.ts";
import { sameLabels, selects, selectsPods } from "./select-services.ts";
import { isChangedForServices } from "./serving-pod.ts";

/** The queue gets "namespace/name" of services. */
export function watchServicePods(
  context: Pick<ControllerContext, "informer">,
  queue: Pick<KeyQueue, "add">,
  subscriptions: AsyncDisposableStack,
): void {
  const services = context.informer(serviceKind);
  const addServicesOf = ({ metadata }: Pod): void => {
    for (const service of services.list(metadata.namespace)) {
      if (selects(service, metadata.labels)) queue.add(keyOf(service));
    }
  };
  const addService = (service: Service): void => queue.add(keyOf(service));
  subscriptions.use(services.subscribe({ onAdd: addService, onUpdate: addService, onDelete: addService }));
  subscriptions.use(
    context.informer(podKind).subscribe({
      onAdd: addServicesOf,
      onUpdate(pod, old) {
        const isMoved = !sameLabels(pod.metadata.labels, old.metadata.labels);
        if (isMoved) addServicesOf(old);
        if (isMoved || isChangedForServices(pod, old)) addServicesOf(pod);
      },
      onDelete: addServicesOf,
    }),
  );
}

/** As above, for whoever also tells where pods are: zones are labels of nodes. */
export function watchNodesOfPods(
  context: Pick<ControllerContext, "informer">,
  queue: Pick<KeyQueue, "add">,
  subscriptions: AsyncDisposableStack,
): void {
  const services = context.informer(serviceKind);
  const pods = context.informer(podKind);
  const addServicesOn = (nodeName: string): void => {
    for (const { metadata } of pods.byIndex("node", nodeName)) {
      for (const service of services.list(metadata.namespace)) {
        if (selects(service, metadata.labels)) queue.add(keyOf(service));
      }
    }
  };
  const nameOf = ({ metadata }: { readonly metadata: { readonly name?: string | undefined } }) => metadata.name ?? "";
  subscriptions.use(
    context.informer(nodeKind).subscribe({
      onAdd: (node) => addServicesOn(nameOf(node)),
      onUpdate(node, old) {
        if (node.metadata.labels?.[ZONE_LABEL] !== old.metadata.labels?.[ZONE_LABEL]) addServicesOn(nameOf(node));
      },
      onDelete: (node) => addServicesOn(nameOf(node)),
    }),
  );
}

/** The pods behind a service whose endpoints are made of pods; found without looking at all pods. */
export function podsOf(service: Service, pods: Pick<Informer<Pod>, "byIndex">): readonly Pod[] {
  if (!selectsPods(service)) return [];
  const { namespace = "" } = service.metadata;
  let fewest: readonly Pod[] | undefined;
  for (const [name, value] of Object.entries(service.spec.selector ?? {})) {
    const candidates = pods.byIndex("label", `${namespace}/${name}=${value}`);
    if (fewest === undefined || candidates.length < fewest.length) fewest = candidates;
  }
  return (fewest ?? []).filter(({ metadata }) => selects(service, metadata.labels));
}
