import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import type { Backend, Frontend, ServicePort } from "#service/service-port.ts";
import { type IpvsNode, renderFrontends } from "./render-frontends.ts";

const node: IpvsNode = {
  podNetworks: [parsePrefix("10.0.0.0/16")],
  nodePods: [parsePrefix("10.0.1.0/24")],
  nodePortAddresses: [],
  serviceNetworks: [],
  addresses: ["192.0.2.1", "198.51.100.7", "2001:db8::1", "10.96.0.10"].map(parseAddress),
};
const here: Backend = { address: parseAddress("10.0.1.5"), port: 8080 };
const away: Backend = { address: parseAddress("10.0.2.5"), port: 8080 };
const address = parseAddress("10.96.0.1");

function render(frontend: Partial<Frontend>, backends: Partial<ServicePort> = {}, on: IpvsNode = node) {
  const whole: Frontend = { kind: "clusterIP", address, port: 80, traffic: "cluster", ...frontend };
  const port: ServicePort = {
    id: "default/web:http/TCP/4",
    family: 4,
    protocol: "TCP",
    frontends: [whole],
    cluster: [here, away],
    local: [here],
    ...backends,
  };
  return renderFrontends({ port, frontends: port.frontends }, on);
}

const none = { cluster: [], local: [] };
const elsewhere = { local: [] };
const ranges = { sourceRanges: [parsePrefix("203.0.113.0/24")] };
const verdicts: readonly (readonly [string, Partial<Frontend>, Partial<ServicePort>, string, number])[] = [
  ["a clusterIP goes to all", {}, {}, "cluster-ip", 2],
  ["nobody anywhere is refused", {}, none, "reject", 0],
  ["an internal policy Local goes to this node's", { traffic: "local" }, {}, "cluster-ip", 1],
  ["an internal policy Local with nobody here is dropped", { traffic: "local" }, elsewhere, "drop", 0],
  ["an external IP goes to all", { kind: "externalIP" }, {}, "external", 2],
  ["an external policy Local keeps the source", { kind: "loadBalancer", traffic: "local" }, {}, "keep-source", 1],
  [
    "an external policy Local with nobody here serves the inside",
    { kind: "loadBalancer", traffic: "local" },
    elsewhere,
    "inside-only",
    2,
  ],
  ["source ranges are looked at first", { kind: "loadBalancer", ...ranges }, {}, "limited-external", 2],
  ["source ranges do not matter when nobody is there", { kind: "loadBalancer", ...ranges }, none, "reject", 0],
];
for (const [title, frontend, backends, verdict, count] of verdicts) {
  test(`renderFrontends: ${title}`, () => {
    const [one] = render(frontend, backends).frontends;
    assert.equal(one?.verdict, verdict);
    assert.equal(one?.virtual.destinations.length, count);
  });
}

test("renderFrontends gives a node port to each address of the node in the family that node ports listen on", () => {
  const texts = (on: IpvsNode) =>
    render({ kind: "nodePort", address: undefined, port: 30080 }, {}, on).frontends.map(({ text, isBound }) => [
      text,
      isBound,
    ]);
  assert.deepEqual(texts({ ...node, nodePortAddresses: [parsePrefix("192.0.2.0/24")] }), [
    ["192.0.2.1:30080/TCP", false],
  ]);
  assert.equal(texts(node).length, 3);
});

test("renderFrontends leaves a clusterIP alone that is the node's own", () =>
  assert.deepEqual(render({ address: parseAddress("10.96.0.10") }).frontends, []));

test("renderFrontends binds a Service's address, makes affinity persistence, and names this node's pods for hairpins", () => {
  const { frontends, hairpins } = render({}, { affinityTimeoutSeconds: 60 });
  assert.deepEqual(frontends[0]?.virtual.service.persistenceSeconds, 60);
  assert.equal(frontends[0]?.isBound, true);
  assert.deepEqual(hairpins, ["10.0.1.5"]);
});
