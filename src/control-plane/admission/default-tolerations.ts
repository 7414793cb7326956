/**
 * Pods stay for five minutes on a node that is not ready or cannot be reached, unless they say otherwise.
 * Source: Kubernetes documentation, "Taints and Tolerations" (taint based evictions).
 */
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { Toleration } from "#api/kinds/pod/toleration.ts";
import { asKind } from "../resources/stored-object.ts";
import type { AdmissionRule } from "./admission.ts";

const TOLERATION_SECONDS = 300;
const TAINTS = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] as const;

export const defaultTolerations: AdmissionRule = {
  handles: ({ operation, kind, subresource }) =>
    operation !== "delete" && kind.group === "" && kind.plural === podKind.plural && subresource === "",
  admit: ({ object }) => withDefaultTolerations(asKind(podKind, object)),
};

export function withDefaultTolerations(pod: Pod): Pod {
  const { tolerations = [] } = pod.spec;
  const missing = TAINTS.filter((key) => !tolerations.some((toleration) => speaksOf(toleration, key)));
  if (missing.length === 0) return pod;
  const added = missing.map(
    (key): Toleration => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: TOLERATION_SECONDS }),
  );
  return { ...pod, spec: { ...pod.spec, tolerations: [...tolerations, ...added] } };
}

function speaksOf({ key = "", effect = "" }: Toleration, taint: string): boolean {
  return (key === taint || key === "") && (effect === "NoExecute" || effect === "");
}
