/** What `kubectl get nodes` prints. Source: the output of kubectl 1.32. */
import { ageColumn, nameColumn } from "../../columns.ts";
import type { Column } from "../../kind.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import type { NodeSpec } from "./node-spec.ts";
import type { NodeStatus, NodeSystemInfo } from "./node-status.ts";

const ROLE_PREFIX = "node-role.kubernetes.io/";
const ROLE_LABEL = "kubernetes.io/role";

type PrintedNode = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: NodeSpec | undefined;
  readonly status?: NodeStatus | undefined;
};

export const nodeColumns: readonly Column<PrintedNode>[] = [
  nameColumn,
  column("Status", "Whether it is ready, and takes new pods.", 0, statusText),
  column("Roles", "From its labels.", 0, rolesText),
  ageColumn,
  column("Version", "Version of its kubelet.", 0, ({ status }) => status?.nodeInfo?.kubeletVersion ?? ""),
  column("Internal-IP", "Address in the cluster.", 1, (node) => addressText(node, "InternalIP")),
  column("External-IP", "Address outside the cluster.", 1, (node) => addressText(node, "ExternalIP")),
  column("OS-Image", "Name of its operating system.", 1, (node) => infoText(node, "osImage")),
  column("Kernel-Version", "Version of its kernel.", 1, (node) => infoText(node, "kernelVersion")),
  column("Container-Runtime", "Its runtime.", 1, (node) => infoText(node, "containerRuntimeVersion")),
];

function statusText({ spec, status }: PrintedNode): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const text = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return spec?.unschedulable === true ? `${text},SchedulingDisabled` : text;
}

function rolesText({ metadata: { labels = {} } }: PrintedNode): string {
  const roles = Object.keys(labels)
    .filter((key) => key.startsWith(ROLE_PREFIX))
    .map((key) => key.slice(ROLE_PREFIX.length));
  const all = new Set([...roles, labels[ROLE_LABEL] ?? ""]);
  all.delete("");
  return all.size === 0 ? "<none>" : [...all].sort().join(",");
}

function addressText({ status }: PrintedNode, wanted: string): string {
  return status?.addresses?.find(({ type }) => type === wanted)?.address ?? "<none>";
}

function infoText({ status }: PrintedNode, name: keyof NodeSystemInfo): string {
  return status?.nodeInfo?.[name] || "<unknown>";
}

function column(name: string, doc: string, priority: 0 | 1, cell: (node: PrintedNode) => string): Column<PrintedNode> {
  return { name, type: "string", doc, priority, cell };
}
