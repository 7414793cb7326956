/** What `kubectl get pods` prints. Source: the output of kubectl 1.32. */
import { age, ageColumn, nameColumn } from "../../columns.ts";
import type { Column } from "../../kind.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import type { PodSpec } from "./pod-spec.ts";
import type { PodStatus } from "./pod-status.ts";
import { type PodStatusText, podStatusText } from "./pod-status-text.ts";

type PrintedPod = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: PodSpec;
  readonly status?: PodStatus | undefined;
};

/** Three columns show parts of it; objects never change. */
const texts = new WeakMap<PrintedPod, PodStatusText>();

export const podColumns: readonly Column<PrintedPod>[] = [
  nameColumn,
  column("Ready", "Containers that are ready, of all.", (pod) => {
    const { readyContainers, totalContainers } = textOf(pod);
    return `${readyContainers}/${totalContainers}`;
  }),
  column("Status", "What the pod does, or what is wrong with it.", (pod) => textOf(pod).status),
  column("Restarts", "How often containers were started again.", (pod, now) => {
    const { restarts, lastRestart } = textOf(pod);
    return restarts === 0 || lastRestart === undefined ? `${restarts}` : `${restarts} (${age(lastRestart, now)} ago)`;
  }),
  ageColumn,
  wide("IP", "Address of the pod.", ({ status }) => status?.podIPs?.[0]?.ip),
  wide("Node", "Node that it runs on.", ({ spec }) => spec.nodeName),
  wide("Nominated Node", "Node on which other pods make room for it.", ({ status }) => status?.nominatedNodeName),
  wide("Readiness Gates", "Conditions for its readiness that hold, of all.", ({ spec, status }) => {
    const { readinessGates: gates = [] } = spec;
    const isTrue = (name: string) => status?.conditions?.some(({ type, status }) => type === name && status === "True");
    return gates.length === 0
      ? undefined
      : `${gates.filter((gate) => isTrue(gate.conditionType)).length}/${gates.length}`;
  }),
];

function textOf(pod: PrintedPod): PodStatusText {
  const known = texts.get(pod);
  if (known !== undefined) return known;
  const text = podStatusText(pod);
  texts.set(pod, text);
  return text;
}

function column(name: string, doc: string, cell: Column<PrintedPod>["cell"]): Column<PrintedPod> {
  return { name, type: "string", doc, priority: 0, cell };
}

function wide(name: string, doc: string, cell: (pod: PrintedPod) => string | undefined): Column<PrintedPod> {
  return { name, type: "string", doc, priority: 1, cell: (pod) => cell(pod) || "<none>" };
}
