import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { execIn, outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot, withNetns } from "#kernel/testing/with-netns.ts";
import { observeWorld } from "../facts/observe-world.ts";
import { findLinkByIndex } from "../facts/world-facts.ts";
import { nextHopOf, routeFor, sourceFor } from "./route-for.ts";

const SET_UP = `
ip link add one type veth peer name one-end
ip link add two type veth peer name two-end
for link in one one-end two two-end; do ip link set $link up; done
ip address add 10.1.0.1/16 dev one
ip address add 10.2.0.1/16 dev two
ip -6 address add fd00:1::1/64 dev one nodad
ip route add default via 10.1.0.254
ip route add 10.5.0.0/16 via 10.2.0.7
ip route add 10.5.1.0/24 via 10.2.0.8 src 10.1.0.1
ip route add 10.6.0.0/16 via 10.1.0.9 metric 200
ip route add 10.6.0.0/16 via 10.2.0.9 metric 100
ip route add blackhole 10.7.0.0/16
ip route add unreachable 10.8.0.0/16
ip route add 10.9.0.0/16 via 10.2.0.7 table 100
ip rule add to 10.9.0.0/16 lookup 100 priority 1000
ip -6 route add fd00:5::/64 via fd00:1::7
`;

test("routeFor finds what ip route get finds", requireRoot, () =>
  withNetns(
    async (netns) => {
      await outputIn(netns, ["sh", "-ec", SET_UP]);
      const namespace = observeWorld([{ name: "here", role: "node", netnsPath: netns.path }], []).namespaces.get(
        "here",
      );
      assert.ok(namespace);
      for (const text of [
        "10.1.3.4",
        "10.1.0.1",
        "127.0.0.1",
        "10.2.9.9",
        "10.5.7.7",
        "10.5.1.7",
        "10.6.1.1",
        "10.7.1.1",
        "10.8.1.1",
        "10.9.1.1",
        "192.0.2.1",
        "fd00:1::1",
        "fd00:1::9",
        "fd00:5::9",
        "fd00:6::9",
      ]) {
        const destination = parseAddress(text);
        const { stdout, code } = await execIn(netns, ["ip", "-j", "route", "get", text]);
        const route = routeFor(namespace, { destination });
        const isUnicast = route?.type === "unicast" || route?.type === "local";
        assert.equal(isUnicast, code === 0, text);
        if (route === undefined || code !== 0) continue;
        const [kernel] = JSON.parse(stdout);
        const { gateway, oif } = nextHopOf(route);
        const link: string | undefined = route.type === "local" ? "lo" : findLinkByIndex(namespace, oif)?.name;
        assert.deepEqual([link, gateway], [kernel.dev, kernel.gateway], text);
        assert.equal(sourceFor(namespace, destination), kernel.prefsrc, text);
      }
    },
    { loopbackUp: true },
  ),
);
