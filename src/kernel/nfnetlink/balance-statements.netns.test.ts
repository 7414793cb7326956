/** What rules of balance-statements.ts are to `nft`, which has to list a table that has them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { outputIn } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { dnatAndRemember, dnatRemembered, numgenRandom } from "./balance-statements.ts";
import type { Expression } from "./expression.ts";
import type { NftOperation } from "./operation.ts";
import { ip6Daddr, ip6Saddr, ipDaddr, ipSaddr, l4proto, thDport } from "./selectors.ts";
import { dnatMap, matchFamily, rule } from "./statements.ts";
import { createNftSocket } from "./transaction.ts";

const table = { family: "inet", table: "podwire" } as const;

for (const family of ["ip", "ip6"] as const) {
  test(`rules that balance are what nft calls them (${family})`, requireRoot, () =>
    withNetns(async (netns) => {
      using socket = createNftSocket(netns);
      const [address, saddr, daddr] =
        family === "ip" ? (["ipv4_addr", ipSaddr, ipDaddr] as const) : (["ipv6_addr", ip6Saddr, ip6Daddr] as const);
      const frontend = [address, "inet_proto", "inet_service"] as const;
      const backend = [address, "inet_service"] as const;
      const selectors = [daddr, l4proto, thDport];
      const sticky = {
        family,
        client: saddr,
        frontend: selectors,
        memory: "affinity",
        backends: "backends",
        timeoutMs: 600_000,
      };
      const memory = {
        key: [address, ...frontend],
        data: ["mark"],
        flags: ["timeout", "dynamic"],
        size: 1000,
      } as const;
      const rules: readonly (readonly Expression[])[] = [
        rule(matchFamily(family), dnatMap(family, [...selectors, numgenRandom(3)], "endpoints")),
        rule(matchFamily(family), dnatRemembered(sticky)),
        rule(matchFamily(family), dnatAndRemember(sticky, "marks", numgenRandom(2))),
      ];
      socket.commit(
        [
          { do: "add table", table },
          { do: "add set", set: { ...table, set: "endpoints", key: [...frontend, "mark"], data: backend } },
          { do: "add set", set: { ...table, set: "marks", key: [...frontend, "mark"], data: ["mark"] } },
          { do: "add set", set: { ...table, set: "backends", key: [...frontend, "mark"], data: backend } },
          { do: "add set", set: { ...table, set: "affinity", ...memory } },
          {
            do: "add chain",
            chain: { ...table, chain: "pre", base: { type: "nat", hook: "prerouting", priority: -100 } },
          },
          ...rules.map(
            (expressions): NftOperation => ({ do: "add rule", rule: { ...table, chain: "pre", expressions } }),
          ),
        ],
        "add the rules",
      );
      const listing = await outputIn(netns, ["nft", "list", "chain", "inet", "podwire", "pre"]);
      const key = `${family} daddr . meta l4proto . th dport`;
      assert.ok(listing.includes(`dnat ${family} to ${key} . numgen random mod 3 map @endpoints`), listing);
      assert.match(listing, /numgen random mod 2/);
      await outputIn(netns, ["nft", "-j", "list", "ruleset"]);
    }),
  );
}
