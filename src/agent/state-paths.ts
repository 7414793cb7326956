/**
 * Where the agent and one-shot plugin processes of one network namespace keep their state.
 * The folder is named by the namespace's inode, so that the nodes of one machine never meet; the epoch inside each
 * record tells whether it belongs to the present life of that namespace.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Netns } from "#kernel/netns/netns.ts";
import { netnsCookie } from "#kernel/netns/netns-cookie.ts";

export interface StatePaths {
  /** Socket and lock: gone after a reboot at the latest. */
  readonly runDir: string;
  readonly socket: string;
  /** Of the node's name server. */
  readonly dnsSocket: string;
  /** flock: held exclusively by an agent, shared by one-shot processes. */
  readonly lock: string;
  /** flock: held by an agent from its start. */
  readonly agentLock: string;
  /** flock: held by the one-shot process that gives back what an earlier epoch left. */
  readonly recoveryLock: string;
  /** Records of attachments; outlives a reboot, so that their addresses can be given back. */
  readonly ledgerDir: string;
}

export function statePaths(
  netns: Pick<Netns, "inode">,
  environment: Readonly<Record<string, string | undefined>>,
): StatePaths {
  const name = `net-${netns.inode}`;
  const runDir = join(environment["PODWIRE_RUN_DIR"] || "/run/podwire", name);
  const stateDir = join(environment["PODWIRE_STATE_DIR"] || "/var/lib/podwire", name);
  return {
    runDir,
    socket: join(runDir, "agent.sock"),
    dnsSocket: join(runDir, "dns.sock"),
    lock: join(runDir, "lock"),
    agentLock: join(runDir, "agent.lock"),
    recoveryLock: join(runDir, "recovery.lock"),
    ledgerDir: join(stateDir, "ledger"),
  };
}

/**
 * Names one life of one network namespace: boot id (random(4)) and namespace cookie (unique until the next boot).
 * Nothing recorded under another epoch exists in the kernel any more.
 */
export function currentEpoch(netns: Netns): string {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return `${bootId}/${netnsCookie(netns)}`;
}
