import assert from "node:assert/strict";
import { test } from "node:test";
import { Command, CommanderError } from "commander";
import type { ServicesOptions } from "#agent/services/start-services.ts";
import { formatPrefix } from "#base/ip-address.ts";
import { addNetworkFlags, type NetworkFlags, networkOptions } from "./agent-network-flags.ts";
import { addServiceFlags, type ServiceFlags, servicesOptions } from "./agent-service-flags.ts";

function parse(...argv: readonly string[]): ServicesOptions | undefined {
  const silent = { writeErr: () => undefined, writeOut: () => undefined };
  const command = addServiceFlags(addNetworkFlags(new Command().exitOverride().configureOutput(silent)));
  const flags = command.parse(argv, { from: "user" }).opts<NetworkFlags & ServiceFlags>();
  return servicesOptions(flags, networkOptions(flags));
}

test("who follows the API translates Services, by nftables unless told otherwise", () => {
  const options = parse("--node-name", "n1") ?? assert.fail();
  assert.deepEqual([options.nodeName, options.proxy, options.besideKubeProxy], ["n1", "nftables", false]);
  assert.equal(parse("--node-name", "n1", "--service-proxy", "iptables")?.proxy, "iptables");
});

test("without an API, or when nobody shall, Services are not translated", () => {
  assert.equal(parse(), undefined);
  assert.equal(parse("--etcd-endpoints", "http://10.0.0.1:2379"), undefined);
  assert.equal(parse("--node-name", "n1", "--service-proxy", "none"), undefined);
});

test("prefixes are read as networks", () => {
  const given = ["--service-cidr", "10.96.0.1/16,fd00:96::/112", "--node-port-addresses", "192.0.2.0/24"];
  const { serviceNetworks, nodePortAddresses } = parse("--node-name", "n1", ...given) ?? assert.fail();
  assert.deepEqual(serviceNetworks.map(formatPrefix), ["10.96.0.0/16", "fd00:96::/112"]);
  assert.deepEqual(nodePortAddresses.map(formatPrefix), ["192.0.2.0/24"]);
});

for (const argv of [
  ["--service-proxy", "ebpf"],
  ["--service-cidr", "10.96.0.1"],
]) {
  test(`${argv.join(" ")} is refused`, () => assert.throws(() => parse("--node-name", "n1", ...argv), CommanderError));
}
