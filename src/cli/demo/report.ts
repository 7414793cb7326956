/** What a demo found, as `-o json` prints it, and as text. */
import { OUTSIDE } from "#cluster/outside.ts";
import type { Phase } from "../output/phases.ts";
import { printStatus } from "../output/print-status.ts";
import type { Check } from "./checks.ts";
import type { DemoEvidence } from "./evidence.ts";
import { WEB_HOST_PORT } from "./start-demo.ts";

export interface DemoReport {
  readonly checks: readonly Check[];
  readonly evidence: DemoEvidence;
  /** Where to look while the demo is kept: processes of this machine. */
  readonly nodePid: number;
  readonly outsidePid: number;
  /** The process that keeps the demo up, if one does. */
  readonly keeperPid?: number;
  readonly phases: readonly Phase[];
}

export function formatReport(report: DemoReport): string {
  const { checks, evidence } = report;
  const { agent, links, nftTable, connections } = evidence;
  const status = agent && printStatus(JSON.stringify(agent), "wide");
  return [
    section("Checks", checks.map(formatCheck).join("")),
    section("The way of a packet", packetPaths(evidence).join("\n")),
    ...(status ? [section("podwire agent status -o wide", status)] : []),
    section("ip -br link, in the node", links),
    section("nft list table inet podwire, in the node: its elements", nftElements(nftTable).join("\n")),
    section("Translated connections, as the node's kernel tracks them", connections.join("\n")),
    section("What to try next", nextSteps(report).join("\n")),
  ].join("\n");
}

function section(title: string, body: string): string {
  return `${title}\n${body.trimEnd().replaceAll(/^(?=.)/gm, "  ")}\n`;
}

function formatCheck({ ok, claim, where, command, seen, expected }: Check): string {
  const wanted = ok ? "" : `\n          expected: ${expected}`;
  return `${ok ? "ok    " : "FAILED"}    ${claim}\n          ${where}: ${command}\n          → ${seen}${wanted}\n`;
}

/** `map  element`, one a line, of what `nft list table` prints. */
export function nftElements(table: string): readonly string[] {
  return [...table.matchAll(/^\s*map (\S+) \{\s([^}]*?)elements = \{([^}]*)\}/gm)].flatMap(
    ([, map = "", , elements = ""]) => elements.split(",").map((element) => `${map.padEnd(16)} ${element.trim()}`),
  );
}

/** Each hop by the name that `ip link` shows. */
function packetPaths({ pods: { web, client } }: DemoEvidence): readonly string[] {
  const { nodeLink, nodeAddress, link, routerAddress, serviceAddress } = OUTSIDE;
  const bridge = client.bridge ?? "?";
  const toClient = `${client.hostLink} → client ${client.ifname}`;
  const toWeb = `${web.hostLink} → web ${web.ifname}`;
  const uplink = `${nodeLink} → outside ${link}`;
  return [
    `client → web      client ${client.ifname} ${client.ip} → ${client.hostLink} → bridge ${bridge} → ${toWeb} ${web.ip}`,
    `client → outside  client ${client.ifname} ${client.ip} → ${client.hostLink} → ${bridge} → routed via ${routerAddress}` +
      ` → masqueraded: from ${nodeAddress} → ${uplink} → ${serviceAddress}`,
    `  and back        ${serviceAddress} → ${nodeLink} → to ${nodeAddress}, translated back to ${client.ip} → ${bridge} → ${toClient}`,
    `outside → web     outside ${link} ${routerAddress} → ${nodeLink} → host port ${nodeAddress}:${WEB_HOST_PORT}, translated to` +
      ` ${web.ip}:80 → ${bridge} → ${toWeb}`,
  ];
}

function nextSteps({ keeperPid, nodePid, outsidePid, evidence }: DemoReport): readonly string[] {
  if (keeperPid === undefined) return ["sudo ./podwire demo --keep          leave it up, and look around in it"];
  const { web, client } = evidence.pods;
  return [
    `sudo nsenter --target ${nodePid} --all    a shell in the node; try there:`,
    "  ip -br address; nft list ruleset; ctr -n k8s.io containers list",
    ...(evidence.agent ? ["  /opt/cni/bin/.podwire/podwire agent status -o wide"] : []),
    `  tcpdump -ni ${client.bridge ?? ""}     and from another terminal:`,
    `sudo nsenter --net=${client.netnsPath} ping ${web.ip}`,
    `sudo nsenter --net=${client.netnsPath} busybox wget -qO- http://${OUTSIDE.serviceAddress}/`,
    `sudo nsenter --target ${outsidePid} --net busybox wget -qO- http://${OUTSIDE.nodeAddress}:${WEB_HOST_PORT}/`,
    "sudo ./podwire demo --down          take it down",
  ];
}
