import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { Command, CommanderError } from "commander";
import type { NetworkOptions } from "#agent/network/start-network.ts";
import { CliError } from "../cli-error.ts";
import { addNetworkFlags, explainNetwork, type NetworkFlags, networkOptions } from "./agent-network-flags.ts";

function parse(...argv: readonly string[]): NetworkOptions | undefined {
  const silent = { writeErr: () => undefined, writeOut: () => undefined };
  const command = addNetworkFlags(new Command().exitOverride().configureOutput(silent));
  return networkOptions(command.parse(argv, { from: "user" }).opts<NetworkFlags>());
}

test("without a word of it the agent has no network", () => {
  assert.equal(parse(), undefined);
  assert.equal(parse("--iface", "eth1"), undefined);
});

test("a node's name follows the API, by a kubeconfig or the account of its pod", () => {
  const { nodeName, source, confDir, subnetFile } = parse("--node-name", "n1") ?? assert.fail();
  assert.deepEqual(source, { type: "kubernetes", kubeconfig: undefined, annotationPrefix: undefined });
  assert.deepEqual([nodeName, confDir, subnetFile], ["n1", "/etc/cni/net.d", "/run/flannel/subnet.env"]);
  const given = parse("--node-name", "n1", "--kubeconfig", "/k", "--kube-annotation-prefix", "example.com/net");
  assert.deepEqual(given?.source, { type: "kubernetes", kubeconfig: "/k", annotationPrefix: "example.com/net" });
});

test("endpoints of etcd need no node's name", () => {
  const { nodeName, source } =
    parse("--etcd-endpoints", "http://10.0.0.1:2379,https://[fd00::1]:2379") ?? assert.fail();
  assert.equal(nodeName, hostname());
  assert.ok(source.type === "etcd");
  assert.deepEqual(
    [source.endpoints.map(String), source.prefix],
    [["http://10.0.0.1:2379/", "https://[fd00::1]:2379/"], "/coreos.com/network"],
  );
  const other = parse("--etcd-endpoints", "http://e:2379", "--etcd-prefix", "/net/")?.source;
  assert.equal(other?.type === "etcd" && other.prefix, "/net");
});

test("addresses are of the family that their option says", () => {
  const { publicAddresses } =
    parse("--node-name", "n", "--public-ip", "192.0.2.1", "--public-ipv6", "2001:db8::1") ?? assert.fail();
  assert.deepEqual(publicAddresses, { 4: "192.0.2.1", 6: "2001:db8::1" });
});

for (const argv of [
  ["--public-ip", "2001:db8::1"],
  ["--public-ipv6", "192.0.2.1"],
  ["--public-ip", "here"],
  ["--etcd-endpoints", "10.0.0.1:2379"],
  ["--etcd-endpoints", "http://a:1,"],
  ["--etcd-prefix", "network"],
]) {
  test(`${argv.join(" ")} is refused`, () => assert.throws(() => parse(...argv), CommanderError));
}

for (const [argv, why] of [
  [["--kubeconfig", "/k"], /not which node this is/],
  [["--kubeconfig", "/k", "--etcd-endpoints", "http://e:2379"], /exclude each other/],
  [["--etcd-endpoints", "https://e:2379", "--etcd-cafile", "/nonexistent/ca"], /"\/nonexistent\/ca" cannot be read/],
] as const) {
  test(`${argv.join(" ")} is explained`, () => {
    assert.throws(
      () => parse(...argv),
      (error) => error instanceof CliError && error.exitCode === 2 && why.test(error.explanation.why ?? ""),
    );
  });
}

test("explainNetwork says what to do about a missing way to the API, and passes on what it does not know", () => {
  const cause = Object.assign(new Error("no way"), { name: "KubeconfigError" });
  const explained = explainNetwork(cause);
  assert.ok(explained instanceof CliError && explained.explanation.why === "no way");
  const other = new Error("other");
  assert.equal(explainNetwork(other), other);
});
