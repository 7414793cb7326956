import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNetworkList } from "#cni/runtime/load-network.ts";
import { pluginTypes } from "#plugins/registry.ts";
import { formatConflist } from "./conflist.ts";

test("formatConflist gives a network list of our own plugins", () => {
  const network = parseNetworkList(formatConflist("10.9.0.0/24"));
  assert.equal(network.name, "podwire");
  assert.equal(network.cniVersion, "1.1.0");
  const [bridge, portmap] = network.plugins;
  assert.deepEqual(bridge?.json["ipam"], {
    type: "host-local",
    ranges: [[{ subnet: "10.9.0.0/24" }]],
    routes: [{ dst: "0.0.0.0/0" }],
  });
  assert.equal(bridge?.json["isGateway"], true);
  assert.ok(
    !("isDefaultGateway" in bridge.json),
    "the reference plugin refuses a default route that is asked for twice",
  );
  assert.equal(portmap?.capabilities.get("portMappings"), true);
  for (const { type } of network.plugins) assert.ok(pluginTypes.includes(type), type);
});

test("formatConflist routes everything of the subnet's own family", () => {
  const [bridge] = parseNetworkList(formatConflist("fd00:9::/64")).plugins;
  assert.match(JSON.stringify(bridge?.json), /"dst":"::\/0"/);
});
