/** An agent keeps what the cluster has, and makes little besides: a fourth of a control plane's room for new objects. */
import { boundHeap } from "#base/bound-heap.ts";

const NEW_SPACE_BYTES = 8 * 1024 * 1024;

export function boundAgentHeap(): Disposable {
  return boundHeap({ newSpaceBytes: NEW_SPACE_BYTES });
}
