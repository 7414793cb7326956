/** What this node's annotations and condition should be, and the patches that make them so. Pure. */
import type { Node } from "#api/kinds/node.ts";
import type { JsonObject } from "#base/json.ts";
import { annotationKeyPrefix, formatAnnotations } from "#dataplane/flannel-formats.ts";
import type { Announcement } from "./cluster-network.ts";
import { formatReceives, RECEIVES_ANNOTATION } from "./receives.ts";

/** The annotations that an announcement consists of, whatever it says. */
const FLANNEL_NAMES = [
  "kube-subnet-manager",
  "backend-type",
  "backend-data",
  "backend-v6-data",
  "public-ip",
  "public-ipv6",
];

/** A merge patch of the object; undefined when there is nothing to change. */
export function annotationPatch(
  { metadata }: Node,
  announcement: Announcement,
  annotationPrefix?: string,
): JsonObject | undefined {
  const present = metadata.annotations ?? {};
  const receives = formatReceives(announcement);
  const { vteps, ...flannel } = announcement;
  const wanted: Readonly<Record<string, string>> = {
    ...formatAnnotations(announcement.backend === "vxlan" ? announcement : flannel, annotationPrefix),
    ...(receives !== undefined && { [RECEIVES_ANNOTATION]: receives }),
  };
  const key = annotationKeyPrefix(annotationPrefix);
  const managed = [...FLANNEL_NAMES.map((name) => `${key}${name}`), RECEIVES_ANNOTATION];
  const changes = Object.fromEntries([
    ...Object.entries(wanted).filter(([name, value]) => present[name] !== value),
    ...managed.filter((name) => name in present && !(name in wanted)).map((name) => [name, null] as const),
  ]);
  return Object.keys(changes).length === 0 ? undefined : { metadata: { annotations: changes } };
}

const CONDITION = "NetworkUnavailable";
const REASON = "PodwireIsUp";

/** A strategic merge patch of the status; undefined when it says already that the network is there. */
export function conditionPatch({ status }: Node, now: Date): JsonObject | undefined {
  const present = status?.conditions?.find(({ type }) => type === CONDITION);
  if (present?.status === "False" && present.reason === REASON) return undefined;
  const time = `${now.toISOString().slice(0, 19)}Z`;
  const condition = {
    type: CONDITION,
    status: "False",
    reason: REASON,
    message: "Podwire is running on this node",
    lastHeartbeatTime: time,
    lastTransitionTime: time,
  };
  return { status: { conditions: [condition] } };
}
