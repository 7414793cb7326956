/** What lies on a busy node before the measured pod comes: reservations of addresses, firewall rules of others. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BenchCase, caseAddress, caseNetwork } from "./cases.ts";

/** Puts the case's load on the node. Disposing takes it away again. */
export function applyLoad(benchCase: BenchCase, dataDir: string): Disposable {
  const { load } = benchCase;
  if (load?.kind === "reservations")
    writeReservations(benchCase, join(dataDir, caseNetwork(benchCase).network), load.count);
  if (load?.kind !== "foreignRules") return { [Symbol.dispose]() {} };
  iptablesRestore(foreignRules(load.count));
  return { [Symbol.dispose]: () => iptablesRestore(foreignRulesRemoval(load.count)) };
}

/** As host-local leaves them: a file for each address, and the address that was given last. */
function writeReservations(benchCase: BenchCase, folder: string, count: number): void {
  const first = 2;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (let index = first; index < first + count; index++) {
    const containerId = index.toString(16).padStart(64, "0");
    writeFileSync(join(folder, caseAddress(benchCase, index)), `${containerId}\r\neth0`, { mode: 0o600 });
  }
  writeFileSync(join(folder, "last_reserved_ip.0"), caseAddress(benchCase, first + count - 1), { mode: 0o600 });
}

const RULES_PER_CHAIN = 100;

function chainNames(count: number): readonly string[] {
  return Array.from({ length: Math.ceil(count / RULES_PER_CHAIN) }, (_, chain) => `FOREIGN-${chain}`);
}

/** Rules in the manner of kube-proxy, in chains of their own that no packet meets. */
export function foreignRules(count: number): string {
  const chains = chainNames(count);
  const rules = Array.from({ length: count }, (_, index) => {
    const target = `10.${(index >> 16) & 0xff}.${(index >> 8) & 0xff}.${index & 0xff}`;
    const chain = chains[Math.floor(index / RULES_PER_CHAIN)];
    return `-A ${chain} -d ${target}/32 -p tcp -m comment --comment "default/service-${index}" -m tcp --dport 80 -j DNAT --to-destination ${target}:8080`;
  });
  return ["*nat", ...chains.map((chain) => `:${chain} - [0:0]`), ...rules, "COMMIT", ""].join("\n");
}

function foreignRulesRemoval(count: number): string {
  const chains = chainNames(count);
  return ["*nat", ...chains.map((chain) => `-F ${chain}`), ...chains.map((chain) => `-X ${chain}`), "COMMIT", ""].join(
    "\n",
  );
}

function iptablesRestore(input: string): void {
  const { status, stderr, error } = spawnSync("iptables-restore", ["--noflush"], { input, encoding: "utf8" });
  if (error !== undefined) throw new Error(`Cannot run "iptables-restore": ${error.message}`, { cause: error });
  if (status !== 0) throw new Error(`Cannot load rules with "iptables-restore": exit status ${status}: ${stderr}`);
}
