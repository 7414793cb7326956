// biome-ignore-all lint/style/noRestrictedImports: it looks at the ledger that belongs to the way into the plugins
/** What independent programs say about a namespace: `ip`, `nft`, and the folders themselves. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { JOURNAL_FILES, recordsBelow } from "#agent/testing/ledger-state.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { execIn, ipJson, outputIn } from "#kernel/testing/run-in-netns.ts";
import type { World } from "./world.ts";

type Listed = Readonly<Record<string, unknown>>;

/** What `ip -j -d link show` says; undefined when there is no such link. */
export async function showLink(netns: Netns, name: string): Promise<Listed | undefined> {
  return (await ipJson(netns, "link")).find((link) => link["ifname"] === name);
}

/** A value inside of what `ip -j` printed: `at(link, "linkinfo", "info_slave_data", "hairpin")`. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    // Any property of anything may be asked for; what is not there is undefined.
    (object, key) => (object === null || object === undefined ? undefined : (object as Listed)[key]),
    value,
  );
}

/** `10.1.0.2/24` of a link, IPv4 first, without link-local addresses. */
export async function addressesOf(netns: Netns, name: string): Promise<readonly string[]> {
  const link = (await ipJson(netns, "addr", "show", "dev", name)).find(({ ifname }) => ifname === name);
  const infos = at(link, "addr_info");
  assert.ok(Array.isArray(infos));
  return infos.filter(({ scope }) => scope !== "link").map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

/** `default via 10.1.0.1 dev eth0`: the main table in the words of `ip`, without what the kernel adds for itself. */
export async function routesOf(netns: Netns, family: 4 | 6 = 4): Promise<readonly string[]> {
  const routes = await ipJson(netns, `-${family}`, "route");
  return routes
    .filter(({ dst }) => !/^(fe80|ff00)/.test(String(dst)))
    .map((route) =>
      ["dst", "gateway", "dev", "scope", "prefsrc", "metric", "metrics"]
        .flatMap((key) => (route[key] === undefined || route[key] === 1024 ? [] : [`${key} ${words(route[key])}`]))
        .join(" ")
        .replace(/^dst /, "")
        .replace("gateway", "via")
        .replace("prefsrc", "src"),
    );
}

function words(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export async function sysctlOf(netns: Netns, key: string): Promise<string> {
  return (await outputIn(netns, ["sysctl", "-n", key])).trim();
}

export async function canPing(netns: Netns, address: string): Promise<boolean> {
  return (await execIn(netns, ["ping", "-n", "-c1", "-W0.5", address])).code === 0;
}

/** All of nf_tables, as `nft -j list ruleset` prints it. */
export async function ruleset(netns: Netns): Promise<readonly Listed[]> {
  const { nftables } = JSON.parse(await outputIn(netns, ["nft", "-j", "list", "ruleset"]));
  return nftables;
}

/** Elements of all sets and maps of our tables: `hostports4 …`. */
export async function elements(netns: Netns): Promise<readonly string[]> {
  return (await ruleset(netns)).flatMap((object) => {
    const set = object["set"] ?? object["map"];
    const elem = at(set, "elem");
    if (at(set, "table") !== "podwire" || !Array.isArray(elem)) return [];
    return elem.map((one) => `${at(set, "name")} ${JSON.stringify(one)}`);
  });
}

/** Everything that a refused call must leave as it was. Two equal states give equal texts. */
export async function snapshot(world: World, pods: readonly Netns[] = []): Promise<Readonly<Record<string, string>>> {
  const kernel = await Promise.all(
    [world.node, ...pods].map(async (netns, index) => {
      const [addresses, routes4, routes6, rules] = await Promise.all([
        ipJson(netns, "addr"),
        ipJson(netns, "-4", "route", "show", "table", "all"),
        ipJson(netns, "-6", "route", "show", "table", "all"),
        ruleset(netns),
      ]);
      const where = index === 0 ? "node" : `pod ${index}`;
      return {
        [`${where}: addresses`]: stable(addresses),
        [`${where}: routes`]: stable([routes4, routes6]),
        [`${where}: ruleset`]: stable(rules),
      };
    }),
  );
  return Object.assign({}, ...kernel, {
    disk: [disk(world.folder).replaceAll(/^(run\/|.*\/journal: ).*\n?/gm, ""), ...recordsBelow(world.stateDir)].join(
      "\n",
    ),
  });
}

/** Of those, so many are told. */
const MOST_CHANGES = 20;

/** The same snapshot again, or the lines that differ. */
export function assertUnchanged(
  after: Readonly<Record<string, string>>,
  before: Readonly<Record<string, string>>,
  what = "",
): void {
  const changes = Object.keys(before).flatMap((key) => {
    const [old, now] = [before[key] ?? "", after[key] ?? ""].map((text) => text.split("\n"));
    if (old === undefined || now === undefined) return [];
    return [
      ...old.filter((line) => !now.includes(line)).map((line) => `${key}: - ${line}`),
      ...now.filter((line) => !old.includes(line)).map((line) => `${key}: + ${line}`),
      ...(old.length === now.length ? [] : [`${key}: ${old.length} lines, now ${now.length}`]),
    ];
  });
  if (changes.length > 0) assert.fail(`${what}\n${changes.slice(0, MOST_CHANGES).join("\n")}`);
}

/** Without what host-local remembers of an address that it gave and took back: the next one is another. */
export function withoutLastReserved(state: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...state, disk: (state["disk"] ?? "").replaceAll(/^.*last_reserved_ip.*\n?/gm, "") };
}

/**
 * Without what changes by itself: timers; the carrier, since a bridge notices only later that its last port is gone; and
 * link-local addresses, which the kernel makes a while after a link.
 */
const VOLATILE_KEY = /timer|^expires$|^operstate$/;
const VOLATILE_FLAG = /^(NO-CARRIER|LOWER_UP|linkdown)$/;

function stable(value: unknown): string {
  const isVolatile = (one: unknown): boolean =>
    typeof one === "string" ? VOLATILE_FLAG.test(one) : /^fe80:/.test(String(at(one, "local") ?? at(one, "dst")));
  const settled = (key: string, one: unknown): unknown => {
    if (VOLATILE_KEY.test(key)) return undefined;
    return Array.isArray(one) ? one.filter((element) => !isVolatile(element)) : one;
  };
  return JSON.stringify(value, settled, 1);
}

/** All files below a folder with their content. */
export function disk(folder: string): string {
  if (!existsSync(folder)) return "";
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((name) => {
      const path = join(folder, name);
      return statSync(path).isFile() ? `${name}: ${JSON.stringify(readFileSync(path, "latin1"))}` : `${name}/`;
    })
    .join("\n");
}

/** What is still there when all pods of the world are deleted. Bridges stay: others may use them. */
export async function residue(world: World): Promise<readonly string[]> {
  const links = (await ipJson(world.node, "link")).filter(
    (link) => !["lo", "uplink"].includes(String(link["ifname"])) && at(link, "linkinfo", "info_kind") !== "bridge",
  );
  const objects = await ruleset(world.node);
  const chains = objects.flatMap(({ chain }) => (/^(masq|hairpin)-/.test(String(at(chain, "name"))) ? [chain] : []));
  const files = [world.dataDir, world.stateDir].flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter(
            (entry) =>
              entry.isFile() &&
              !/^(lock|last_reserved_ip\.\d+|epoch)$/.test(entry.name) &&
              !JOURNAL_FILES.test(entry.name),
          )
          .map((entry) => join(entry.parentPath, entry.name))
      : [],
  );
  return [
    ...links.map(({ ifname }) => `link ${ifname}`),
    ...(await elements(world.node)).map((element) => `element ${element}`),
    ...chains.map((chain) => `chain ${at(chain, "name")}`),
    ...files.map((file) => `file ${file}`),
    ...recordsBelow(world.stateDir),
  ];
}
