/**
 * GC by what the kernel itself says: links and rules of ours carry their attachment's name, so those that GC does not
 * list can go even when the ledger knows nothing of them.
 */
import type { GcRequest } from "#cni/plugin.ts";
import { listNat, removeElements } from "#dataplane/nat/apply.ts";
import { ownerComment } from "#dataplane/nat/plan.ts";
import { listLinks } from "#kernel/rtnetlink/link.ts";
import type { Host } from "../host.ts";
import { linkAlias, networkAlias } from "./pod-identity.ts";

/**
 * Tells whether the owner of an element (ownerComment) is one of the network that GC does not list.
 * Without a list nobody is: then the runtime does not say what is valid.
 */
export function staleOwner({ config: { name: network }, validAttachments }: GcRequest): (comment: string) => boolean {
  if (validAttachments === undefined) return () => false;
  const owners = new Set(validAttachments.map((attachment) => ownerComment({ network, ...attachment })));
  return (comment) => comment.startsWith(`${network}/`) && !owners.has(comment);
}

/** Address translation and links of attachments that are not listed. */
export async function removeStaleAttachments(
  { rtnetlink, nft, links }: Pick<Host, "rtnetlink" | "nft" | "links">,
  request: GcRequest,
): Promise<void> {
  const { validAttachments } = request;
  if (validAttachments === undefined) return;
  const isStale = staleOwner(request);
  removeElements(
    nft,
    listNat(nft).filter(({ comment }) => isStale(comment)),
  );
  const network = request.config.name;
  const aliases = new Set(validAttachments.map((attachment) => linkAlias({ network, ...attachment })));
  const staleLinks = listLinks(rtnetlink, { kind: "veth" }).filter(
    ({ alias }) => alias.startsWith(networkAlias(network)) && !aliases.has(alias),
  );
  await Promise.all(staleLinks.map(({ ifindex }) => links.remove(ifindex)));
}
