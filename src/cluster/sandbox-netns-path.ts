/** Which network namespace a pod's sandbox has, as containerd says it. */
import { isJsonObject, type JsonObject } from "#base/json.ts";
import type { CriClient } from "#cri/cri-client.ts";

/**
 * As the node sees it; undefined for a pod in the node's own.
 * Source: containerd's verbose status, `runtimeSpec` by the OCI runtime specification.
 */
export async function sandboxNetnsPath(
  cri: Pick<CriClient, "podSandboxStatus">,
  podSandboxId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { info } = await cri.podSandboxStatus({ podSandboxId, verbose: true }, signal);
  const details: unknown = JSON.parse(info["info"] ?? "{}");
  const linux = objectAt(objectAt(details, "runtimeSpec"), "linux");
  const namespaces = Array.isArray(linux["namespaces"]) ? linux["namespaces"] : [];
  const network = namespaces.find((namespace) => isJsonObject(namespace) && namespace["type"] === "network");
  const path = objectAt({ network }, "network")["path"];
  // containerd says /var/run, which is a link that would lead elsewhere when followed from outside of the node.
  return typeof path === "string" && path !== "" ? path.replace(/^\/var\/run\//, "/run/") : undefined;
}

function objectAt(value: unknown, key: string): JsonObject {
  const inner = isJsonObject(value) ? value[key] : undefined;
  return isJsonObject(inner) ? inner : {};
}
