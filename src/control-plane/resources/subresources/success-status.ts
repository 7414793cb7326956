/** What writing to a subresource answers when there is no object to show: that it went well. */
import type { KubeObject } from "#api/kind.ts";

export function successStatus(code: 200 | 201): KubeObject {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code };
}
