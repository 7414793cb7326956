/** The flags of `podwire agent` that concern policies. */
import { type Command, Option } from "commander";
import type { NetworkOptions } from "#agent/network/start-network.ts";
import type { PolicyOptions } from "#agent/policy/start-policy.ts";
import type { EstablishedFlows } from "#dataplane/policy/contract.ts";

export interface PolicyFlags {
  readonly policy: "nftables" | "none";
  readonly established: EstablishedFlows;
}

export function addPolicyFlags(command: Command): Command {
  return command
    .addOption(
      new Option("--policy <kind>", "how NetworkPolicies are enforced on this node; none where somebody else does it")
        .choices(["nftables", "none"])
        .default("nftables"),
    )
    .addOption(
      new Option("--established <what>", "connections that a changed policy no longer allows")
        .choices(["keep", "reevaluate"])
        .default("reevaluate"),
    );
}

/** Undefined when they are not wanted, or when there is no API to learn of them. */
export function policyOptions(flags: PolicyFlags, network: NetworkOptions | undefined): PolicyOptions | undefined {
  const { policy, established } = flags;
  if (policy === "none" || network === undefined || network.source.type === "etcd") return undefined;
  return { nodeName: network.nodeName, established };
}
