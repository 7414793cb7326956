/** The flags of `podwire agent` that concern policies. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { NetworkOptions } from "#agent/network/start-network.ts";
import type { PolicyOptions } from "#agent/policy/start-policy.ts";
import type { EstablishedFlows } from "#dataplane/policy/contract.ts";
import { CliError } from "../cli-error.ts";

export interface PolicyFlags {
  readonly policy: "nftables" | "none";
  readonly established: EstablishedFlows;
  readonly policyOnly?: true;
  readonly podLinks?: readonly string[];
  readonly podBridges?: readonly string[];
}

/** Calico's, and the bridge of Flannel and of the reference plugin. Links `veth*` may be anybody's: `ptp` needs the flag. */
const POD_LINKS = ["cali*"];
const POD_BRIDGES = ["cni0"];

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
    )
    .option("--policy-only", "enforce policies where another CNI makes the pods' network and others translate Services")
    .option("--pod-links <names>", "with --policy-only: links of routed pods (default: cali*)", parseNames)
    .option("--pod-bridges <names>", "with --policy-only: bridges whose ports are pods (default: cni0)", parseNames);
}

/** Undefined when they are not wanted, or when there is no API to learn of them. */
export function policyOptions(flags: PolicyFlags, network: NetworkOptions | undefined): PolicyOptions | undefined {
  const { policy, established, policyOnly, podLinks, podBridges } = flags;
  if (policyOnly) refuseWithout(policy, network);
  else if (podLinks !== undefined || podBridges !== undefined) {
    refuse("--pod-links and --pod-bridges say where another CNI's pods are", "add --policy-only");
  }
  if (policy === "none" || network === undefined || network.source.type === "etcd") return undefined;
  const foreign = { podLinks: podLinks ?? POD_LINKS, bridges: podBridges ?? POD_BRIDGES };
  return { nodeName: network.nodeName, established, ...(policyOnly && { foreign }) };
}

function refuseWithout(policy: PolicyFlags["policy"], network: NetworkOptions | undefined): void {
  if (policy === "none") refuse("--policy-only and --policy none exclude each other", "give one of them");
  if (network === undefined || network.source.type === "etcd") {
    refuse("policies are read from the Kubernetes API", "add --node-name, and --kubeconfig outside of a pod");
  }
}

function refuse(why: string, next: string): never {
  throw new CliError("usage", { what: "Cannot run the agent", why, next });
}

function parseNames(text: string): readonly string[] {
  const names = text.split(",").filter((one) => one !== "");
  if (names.length === 0 && text !== "") throw new InvalidArgumentError("Write names of links behind commas.");
  for (const name of names) {
    if (!/^[^\s/*]{1,15}\*?$/.test(name) || name.length > 15) {
      throw new InvalidArgumentError(`"${name}" is no name of a link, and no beginning of one with * behind it.`);
    }
  }
  return names;
}
