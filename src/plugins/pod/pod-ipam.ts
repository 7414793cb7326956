/** Addresses from the IPAM plugin that the configuration names. */
import type { PluginRequest } from "#cni/plugin.ts";
import type { CniResult } from "#cni/result.ts";
import type { Host } from "../host.ts";

/**
 * Asks for addresses, which go back when a later step fails. Also when the plugin itself fails, since it may have got
 * half way; one that cannot be called at all fails at that, too, and has nothing to give back. When the pod has an
 * address from an earlier ADD, by whatever implementation, it is not this one's to give back.
 */
export async function addIpam(
  { delegate }: Pick<Host, "delegate">,
  type: string,
  request: PluginRequest,
  undo: AsyncDisposableStack,
): Promise<CniResult> {
  let failure: string | undefined;
  let isDuplicate = false;
  undo.defer(async () => {
    if (isDuplicate) return;
    try {
      await delegate.del(type, request);
    } catch (error) {
      if (messageOf(error) !== failure) throw error;
    }
  });
  try {
    return await delegate.add(type, request);
  } catch (error) {
    failure = messageOf(error);
    isDuplicate = failure.includes(DUPLICATE);
    throw error;
  }
}

/** host-local's words, the reference's and ours. */
const DUPLICATE = "duplicate allocation is not allowed";

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
