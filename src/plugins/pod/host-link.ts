/** The host's end of a pod's veth pair: found by the identity that follows from the attachment. */
import { CniError } from "#cni/cni-error.ts";
import type { Attachment } from "#cni/plugin.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import { findLink, type Link } from "#kernel/rtnetlink/link.ts";
import { findLinkIndex, findLinkMac } from "#kernel/rtnetlink/link-ioctl.ts";
import { type HostLinkIdentity, hostLinkCandidates } from "./pod-identity.ts";

/** Undefined when the attachment has no link on the host. */
export function findHostLink(socket: NetlinkSocket, attachment: Attachment): Link | undefined {
  for (const { name, mac } of hostLinkCandidates(attachment)) {
    const ifindex = findLinkIndex(socket, name);
    const link = ifindex === undefined ? undefined : findLink(socket, { ifindex });
    if (link?.mac === mac) return link;
  }
  return undefined;
}

/** As findHostLink. It does not wait while links of other pods are deleted. */
export function findHostLinkIndex(socket: NetlinkSocket, attachment: Attachment): number | undefined {
  for (const { name, mac } of hostLinkCandidates(attachment)) {
    if (findLinkMac(socket, name) === mac) return findLinkIndex(socket, name);
  }
  return undefined;
}

/** The first name that no link has. Throws when the attachment has a link already. */
export function chooseHostLink(socket: NetlinkSocket, attachment: Attachment): HostLinkIdentity {
  for (const candidate of hostLinkCandidates(attachment)) {
    const ifindex = findLinkIndex(socket, candidate.name);
    if (ifindex === undefined) return candidate;
    if (findLink(socket, { ifindex })?.mac === candidate.mac) {
      throw new CniError(
        "linkConflict",
        `container veth name ("${attachment.ifname}") peer provided ("${candidate.name}") already exists`,
        `containerID=${attachment.containerId}`,
      );
    }
  }
  throw new CniError("linkConflict", "Cannot name the host's veth: all candidate names are taken by other links");
}
