/** What becomes of the pods of a node that is silent: services leave them out, since nobody knows whether they run. */
import { isApiError } from "#api/api-error.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { isReady, withCondition } from "../../resources/subresources/pod-conditions.ts";
import type { ControllerContext } from "../controller.ts";
import { runLimited } from "../run-limited.ts";

const WRITES_AT_ONCE = 16;

/** undefined when it is not ready anyway. */
export function planNotReady(pod: Pod, now: Date): Pod | undefined {
  if (!isReady(pod.status)) return undefined;
  const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
  return { ...pod, status: withCondition(pod.status, { ...ready, type: "Ready", status: "False" }, now) };
}

export async function markPodsNotReady(
  { client, events, now }: Pick<ControllerContext, "client" | "events" | "now">,
  pods: readonly Pod[],
  signal: AbortSignal,
): Promise<void> {
  const errors = await runLimited(pods, WRITES_AT_ONCE, async (pod) => {
    const next = planNotReady(pod, now());
    if (next === undefined) return;
    try {
      await client.updateStatus(podKind, next, signal);
      events.record(pod, { type: "Warning", reason: "NodeNotReady", message: "Node is not ready" });
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
  });
  const [first] = errors;
  if (first !== undefined) throw first;
}
