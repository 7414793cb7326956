/** Masquerade of a pod's addresses, with errors in the words of CNI. */
import { formatPrefix, networkOf } from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";
import type { PluginRequest } from "#cni/plugin.ts";
import { addNat, damagedChains, HostPortTakenError, missingNat, removeNat } from "#dataplane/nat/apply.ts";
import type { NatState } from "#dataplane/nat/nat-state.ts";
import { describeWanted, ownerComment } from "#dataplane/nat/plan.ts";
import type { Host } from "../host.ts";
import type { PodAddress } from "./ip-plan.ts";
import { attachmentOf } from "./pod-link.ts";

type NatHost = Pick<Host, "nft" | "journal">;

export function masqueradeOf(addresses: readonly PodAddress[]): NatState {
  return {
    masquerades: addresses.map(({ prefix }) => ({ address: prefix.address, subnet: formatPrefix(networkOf(prefix)) })),
    hostPorts: [],
  };
}

export function addPodNat({ nft, journal }: NatHost, request: PluginRequest, nat: NatState): void {
  try {
    addNat(nft, ownerComment(attachmentOf(request)), nat);
  } catch (cause) {
    if (!(cause instanceof HostPortTakenError)) throw cause;
    const wanted = describeWanted(cause.element.wanted);
    throw new CniError("alreadyInUse", `Cannot map ${wanted}: the port is mapped already`, `owner=${cause.owner}`, {
      cause,
    });
  }
  journal.note({ nat });
}

/**
 * Known attachments by what they noted, which may be nothing; others by the owner's name in the kernel. Plugins of a
 * chain share that name, so each says which kind of translation is its own.
 */
export function removePodNat({ nft, journal }: NatHost, request: PluginRequest, kind: keyof NatState): void {
  const isNoted = journal.facts !== undefined;
  if (isNoted && journal.facts.nat === undefined) return;
  removeNat(nft, ownerComment(attachmentOf(request)), journal.facts?.nat ?? kind);
}

/** Throws CniError 103 unless all of it is in the kernel. */
export function checkPodNat({ nft }: Pick<Host, "nft">, request: PluginRequest, nat: NatState): void {
  const [missing] = missingNat(nft, ownerComment(attachmentOf(request)), nat);
  const [damaged] = damagedChains(nft);
  if (missing === undefined && damaged !== undefined) {
    throw new CniError(
      "checkFailed",
      `Chain "${damaged}" of nft table "inet podwire" has lost rules`,
      `chain=${damaged}`,
    );
  }
  if (missing === undefined) return;
  const message = `Cannot find ${describeWanted(missing.wanted)}: nft table "inet podwire" has no such element`;
  throw new CniError("checkFailed", message, `map=${missing.set}`);
}
