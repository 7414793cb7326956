/**
 * Tells of connections that come, change and go. Equal to `conntrack -E`.
 * Entries of a namespace are tracked once some rule there needs it (`ct …`, nat), and reported while somebody listens.
 * Source: include/uapi/linux/netfilter/nfnetlink.h (NFNLGRP_CONNTRACK_…), net.netfilter.nf_conntrack_events.
 */
import { decode } from "#base/codec/codec.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../netlink/message.ts";
import { listenNetlink, NETLINK_NETFILTER, type NetlinkSubscription } from "../netlink/socket.ts";
import type { Netns } from "../netns/netns.ts";
import { type ConntrackEntry, conntrackEntry, IPCTNL_MSG_CT_DELETE, IPCTNL_MSG_CT_NEW } from "./conntrack-message.ts";
import { NFNLGRP_CONNTRACK_DESTROY, NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_UPDATE } from "./nfnetlink.ts";

export type ConntrackEventKind = "new" | "update" | "destroy";

const GROUPS: Readonly<Record<ConntrackEventKind, number>> = {
  new: NFNLGRP_CONNTRACK_NEW,
  update: NFNLGRP_CONNTRACK_UPDATE,
  destroy: NFNLGRP_CONNTRACK_DESTROY,
};

export interface ConntrackListener {
  /** Asked before an event is decoded; default: all. */
  wants?(kind: ConntrackEventKind): boolean;
  changed(kind: ConntrackEventKind, entry: ConntrackEntry): void;
  /** The kernel dropped events: list the table. */
  lost(): void;
}

export interface WatchConntrackOptions {
  /** Default: this thread's. */
  readonly netns?: Netns;
  /** Default: all three. */
  readonly kinds?: readonly ConntrackEventKind[];
}

/** Reports until disposed. */
export function watchConntrack(
  { netns, kinds = ["new", "update", "destroy"] }: WatchConntrackOptions,
  listener: ConntrackListener,
): NetlinkSubscription {
  const groups = kinds.map((kind) => GROUPS[kind]);
  return listenNetlink(
    { protocol: NETLINK_NETFILTER, groups, ...(netns && { netns }) },
    {
      message({ type, flags, payload }) {
        const kind = eventKind(type, flags);
        if (kind !== undefined && listener.wants?.(kind) !== false)
          listener.changed(kind, decode(conntrackEntry, payload));
      },
      lost: () => listener.lost(),
    },
  );
}

/** New and changed entries have one message type; the flags of a creation tell them apart. */
function eventKind(type: number, flags: number): ConntrackEventKind | undefined {
  if (type === IPCTNL_MSG_CT_DELETE) return "destroy";
  if (type !== IPCTNL_MSG_CT_NEW) return undefined;
  return (flags & (NLM_F_CREATE | NLM_F_EXCL)) === 0 ? "update" : "new";
}
