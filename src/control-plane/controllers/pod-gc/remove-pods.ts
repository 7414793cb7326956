/** Removes pods at once: nobody is there who could end them. */
import { isApiError } from "#api/api-error.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import type { ControllerContext } from "../controller.ts";
import { runLimited } from "../run-limited.ts";
import { planLostPod } from "./plan-pod-gc.ts";

const DELETIONS_AT_ONCE = 16;

export interface Removal {
  readonly pods: readonly Pod[];
  /** For pods that are lost with their node: what their status says in the end. */
  readonly why?: string;
}

/** Tries all, and rejects with the first error. */
export async function removePods(
  { client, now }: Pick<ControllerContext, "client" | "now">,
  { pods, why }: Removal,
  signal: AbortSignal,
): Promise<void> {
  const errors = await runLimited(pods, DELETIONS_AT_ONCE, async (pod) => {
    const { namespace, name = "", uid } = pod.metadata;
    const options = { gracePeriodSeconds: 0, ...(uid !== undefined && { uid }) };
    try {
      if (why !== undefined) await client.updateStatus(podKind, planLostPod(pod, why, now()), signal);
      await client.delete(podKind, { namespace, name }, options, signal);
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
  });
  const [first] = errors;
  if (first !== undefined) throw first;
}
