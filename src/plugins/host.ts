/**
 * What a plugin acts on: the namespace it was called from, with its sockets, and the memory of one attachment.
 * The agent keeps the sockets for its lifetime; a one-shot process opens them for one verb. Plugins cannot tell.
 */
import type { Delegate } from "#cni/delegate.ts";
import type { NatState } from "#dataplane/nat/nat-state.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { LinkDeletionListener } from "#kernel/rtnetlink/events.ts";
import type { AddressFolders } from "./host-local/address-folders.ts";

export interface Host {
  /** Namespace in which host ends of pods, bridges and rules live. */
  readonly netns: Netns;
  /** NETLINK_ROUTE in that namespace. */
  readonly rtnetlink: NetlinkSocket;
  /** NETLINK_SOCK_DIAG in that namespace; undefined where the kernel has none. */
  readonly sockDiag: NetlinkSocket | undefined;
  readonly nft: NftSocket;
  /** Calls IPAM and delegate plugins: ours in process, foreign ones by executing them. */
  readonly delegate: Delegate;
  readonly addressFolders: AddressFolders;
  readonly links: LinkRemover;
  readonly linkEvents: LinkEvents;
  readonly journal: Journal;
}

export interface LinkRemover {
  /** Resolves when the link is no longer listed, and with a veth its peer. Fine when it is gone already. */
  remove(ifindex: number): Promise<void>;
}

export interface LinkEvents {
  /** Reports links of the host that go, until disposed. */
  listen(listener: LinkDeletionListener): Disposable;
}

/** What ADD did beyond the pod's own namespace, so that DEL and the agent need not search for it. */
export interface AttachmentFacts {
  /** Name of the pod's link on the host's side. */
  readonly hostLink?: string;
  readonly nat?: NatState;
  /** Addresses that the result gives the pod, and the hardware address of its link: with `hostLink` alone. */
  readonly addresses?: readonly string[];
  readonly mac?: string;
}

/** Memory of the attachment at hand, kept by whoever called the plugin. */
export interface Journal {
  /** Podwire made this attachment, wholly or in part. If not, another implementation may have made it. */
  readonly isKnown: boolean;
  /** What a finished ADD noted. */
  readonly facts: AttachmentFacts | undefined;
  /** Adds to the facts; they are durable when ADD answers. */
  note(facts: AttachmentFacts): void;
}
