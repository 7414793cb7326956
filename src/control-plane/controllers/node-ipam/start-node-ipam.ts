/**
 * Gives each node its ranges of pod addresses, and takes them back when the node goes. What nodes have is learnt from
 * the nodes themselves, all of them before the first one gets anything.
 */
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import type { Prefix } from "#base/ip-address.ts";
import { createSubnetAllocator, type SubnetAllocator } from "../../allocation/subnet-allocator.ts";
import type { Controller, ControllerContext } from "../controller.ts";
import { type KeyQueue, startControlLoop } from "../start-control-loop.ts";
import { occupyPodCidrs, planPodCidrs, podCidrsOf } from "./plan-pod-cidrs.ts";

export interface NodeIpamOptions {
  /** At most one of each family; the first is that of podCIDR. */
  readonly clusterCidrs: readonly Prefix[];
  /** Bits of a node's range. Default: 24 and 64. */
  readonly nodeMaskSizes?: { readonly ipv4?: number | undefined; readonly ipv6?: number | undefined } | undefined;
  /** Ranges that no node may get, such as those of services. */
  readonly reservedCidrs?: readonly Prefix[] | undefined;
}

const NAME = "node-ipam";

/** Throws RangeError when the ranges cannot be cut that way. */
export function nodeIpamController({
  clusterCidrs,
  nodeMaskSizes = {},
  reservedCidrs = [],
}: NodeIpamOptions): Controller {
  const { ipv4 = 24, ipv6 = 64 } = nodeMaskSizes;
  const create = (): readonly SubnetAllocator[] =>
    clusterCidrs.map((prefix) =>
      createSubnetAllocator({ prefix, subnetLength: prefix.family === 4 ? ipv4 : ipv6, reserved: reservedCidrs }),
    );
  create();
  return { name: NAME, start: (context) => start(context, create()) };
}

function start(context: ControllerContext, allocators: readonly SubnetAllocator[]): Promise<AsyncDisposable> {
  const { client, events, log } = context;
  const nodes = context.informer(nodeKind);
  /** Nodes that found no free range. */
  const waiting = new Set<string>();

  function occupy(node: Node): void {
    const name = node.metadata.name ?? "";
    const foreign = occupyPodCidrs(node, allocators);
    if (foreign.length > 0) log.info("node has foreign pod ranges", { node: name, podCIDRs: foreign.join() });
    const { uid = "" } = node.metadata;
    const others = new Set(allocators.flatMap((allocator) => allocator.sharers(uid)));
    if (others.size === 0) return;
    // A range never changes: only somebody who deletes one of the nodes can repair that.
    log.error("nodes share pod ranges", { node: name, podCIDRs: podCidrsOf(node).join(), others: others.size });
    const message = `Node ${name} has the same podCIDR as ${others.size} other node(s)`;
    events.record(node, { type: "Warning", reason: "CIDRAssignmentFailed", message });
  }

  function release({ metadata }: Node, queue: KeyQueue): void {
    for (const allocator of allocators) allocator.release(metadata.uid ?? "");
    waiting.delete(metadata.name ?? "");
    for (const name of waiting) queue.add(name);
    waiting.clear();
  }

  return startControlLoop(context, {
    name: NAME,
    workers: 4,
    informers: [nodes],
    subscribe(queue, subscriptions) {
      const take = (node: Node): void => {
        if (podCidrsOf(node).length > 0) occupy(node);
        else queue.add(node.metadata.name ?? "");
      };
      subscriptions.use(
        nodes.subscribe({
          onAdd: take,
          onUpdate(node, old) {
            const isOther = node.metadata.uid !== old.metadata.uid;
            if (isOther) release(old, queue);
            if (isOther || podCidrsOf(node).join() !== podCidrsOf(old).join()) take(node);
          },
          onDelete: (node) => release(node, queue),
        }),
      );
    },
    async work(name, signal) {
      const node = nodes.get(undefined, name);
      if (node === undefined) return;
      const plan = planPodCidrs(node, allocators);
      if (plan.type === "unavailable") {
        waiting.add(name);
        const message = `Node ${name} status is now: CIDRNotAvailable`;
        events.record(node, { type: "Normal", reason: "CIDRNotAvailable", message });
      }
      if (plan.type !== "assign") return;
      const { podCIDRs } = plan;
      const body = { metadata: { uid: node.metadata.uid }, spec: { podCIDR: podCIDRs[0], podCIDRs } };
      await client.patch(nodeKind, { namespace: undefined, name }, { type: "merge", body }, signal);
    },
  });
}
