/**
 * Pods whose network another CNI makes ("policy only"): joins what the API says of them with the links that the kernel
 * has, whenever one of the two changes, and hands the result to the policy loop as attachments. A pod that has not been
 * joined yet is closed, and so is one whose link has gone.
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Informer } from "#api-client/informer.ts";
import type { Log } from "#base/log.ts";
import { listHeldAddresses } from "#dataplane/policy/nftables/held-addresses.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { watchLinks } from "#kernel/rtnetlink/events.ts";
import { type ForeignLinkNames, observeForeignLinks } from "./observe-foreign-links.ts";
import { type ForeignAttachment, type ForeignPodsPlan, planForeignPods } from "./plan-foreign-pods.ts";
import type { PolicyLoop } from "./policy-loop.ts";

export interface ForeignPodsDeps {
  readonly netns: Netns;
  readonly pods: Informer<Pod>;
  readonly nodeName: string;
  readonly loop: Pick<PolicyLoop, "attach" | "detach" | "markDirty">;
  readonly log: Log;
}

export interface ForeignPodsFollower extends Disposable {
  /** Joins what is there now. */
  look(): void;
  /** Pods that are closed, and why. */
  readonly problems: readonly string[];
}

export function followForeignPods(deps: ForeignPodsDeps, names: ForeignLinkNames): ForeignPodsFollower {
  const { netns, pods, nodeName, loop, log } = deps;
  using stack = new DisposableStack();
  const socket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
  const attached = new Map<string, ForeignAttachment>();
  /** What the kernel still holds pods to that an earlier process had joined. */
  const held = listHeldAddresses(netns);
  let lost: ForeignPodsPlan["lost"] = new Map();
  let problems: readonly string[] = [];
  let turn: NodeJS.Immediate | undefined;
  stack.defer(() => clearImmediate(turn));

  function look(): void {
    clearImmediate(turn);
    turn = undefined;
    if (!pods.hasSynced()) return;
    const own = pods.list().filter(({ spec }) => spec.nodeName === nodeName && spec.hostNetwork !== true);
    const links = observeForeignLinks(socket, names, attached);
    const plan = planForeignPods({ pods: own, links, attached, lost, held });
    lost = plan.lost;
    problems = plan.problems;
    for (const { link } of plan.detach) {
      attached.delete(link);
      loop.detach(link);
    }
    for (const one of plan.attach) {
      attached.set(one.link, one);
      loop.attach(one);
      log.info("pod joined", { pod: one.pod, link: one.link, addresses: one.addresses.join(",") });
    }
  }

  function changed(): void {
    turn ??= setImmediate(lookNow);
  }

  function lookNow(): void {
    try {
      look();
    } catch (error) {
      log.error("pods not joined", { error: error instanceof Error ? error.message : String(error) });
      loop.markDirty(); // it looks again, and comes back until it can
    }
  }

  stack.use(
    watchLinks(netns, {
      // A pod that comes changes its link often, and is joined when its status comes; what waits for a link is told so.
      link(change) {
        if (change === "deleted" || problems.length > 0) changed();
      },
      lost: changed,
    }),
  );
  const ofThisNode = ({ spec }: Pod): void => {
    if (spec.nodeName === nodeName) changed();
  };
  stack.use(pods.subscribe({ onAdd: ofThisNode, onUpdate: ofThisNode, onDelete: ofThisNode }));
  const open = stack.move();
  return {
    look,
    get problems() {
      return problems;
    },
    [Symbol.dispose]: () => open.dispose(),
  };
}
