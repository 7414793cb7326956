import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import type { ServicePort } from "#service/service-port.ts";
import { endpointChain, serviceChains } from "./chain-names.ts";
import { probability, renderService } from "./render-service.ts";
import { editText, frameRules, fullRules, parseSaved, planChains, planServiceEdit } from "./rule-set.ts";

const NODE = {
  podNetworks: [parsePrefix("10.244.0.0/16")],
  nodePods: [parsePrefix("10.244.1.0/24")],
  nodePortAddresses: [],
  serviceNetworks: [parsePrefix("10.96.0.0/16")],
};
const backends = ["10.244.1.5", "10.244.2.5"].map((address) => ({ address: parseAddress(address), port: 8080 }));
const WEB: ServicePort = {
  id: "default/web:http/TCP/4",
  family: 4,
  protocol: "TCP",
  frontends: [{ kind: "clusterIP", address: parseAddress("10.96.0.10"), port: 80, traffic: "cluster" }],
  cluster: backends,
  local: [],
};
const rulesOf = (port: ServicePort) => renderService({ port, frontends: port.frontends }, NODE);

test("renderService writes a clusterIP as kube-proxy does", () => {
  const { svc } = serviceChains(WEB);
  const [first, second] = backends.map((backend) => endpointChain(WEB, backend));
  const { chains, nat } = rulesOf(WEB);
  assert.deepEqual(nat["KUBE-SERVICES"], [
    `-d 10.96.0.10/32 -p tcp -m comment --comment "default/web:http cluster IP" -m tcp --dport 80 -j ${svc}`,
  ]);
  assert.deepEqual(chains.get(svc), [
    '! -s 10.244.0.0/16 -d 10.96.0.10/32 -p tcp -m comment --comment "default/web:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ',
    `-m comment --comment "default/web:http -> 10.244.1.5:8080" -m statistic --mode random --probability 0.50000000000 -j ${first}`,
    `-m comment --comment "default/web:http -> 10.244.2.5:8080" -j ${second}`,
  ]);
  assert.deepEqual(chains.get(first ?? ""), [
    '-s 10.244.1.5/32 -m comment --comment "default/web:http" -j KUBE-MARK-MASQ',
    '-p tcp -m comment --comment "default/web:http" -m tcp -j DNAT --to-destination 10.244.1.5:8080',
  ]);
});

test("renderService refuses in the table filter what has no endpoints", () => {
  const { chains, nat, filter } = rulesOf({ ...WEB, cluster: [] });
  assert.equal(chains.size, 0);
  assert.deepEqual(nat["KUBE-SERVICES"], []);
  assert.deepEqual(filter["KUBE-SERVICES"], [
    '-d 10.96.0.10/32 -p tcp -m comment --comment "default/web:http has no endpoints" -m tcp --dport 80 -j REJECT --reject-with tcp-reset',
  ]);
});

test("probability is what iptables-save prints", () => {
  assert.deepEqual([2, 3, 4, 7].map(probability), ["0.50000000000", "0.33333333349", "0.25000000000", "0.14285714272"]);
});

test("planServiceEdit names only the chains that change, and takes unused ones away", () => {
  const [kept, gone] = backends;
  assert.ok(kept && gone);
  const after = rulesOf({ ...WEB, cluster: [kept] });
  const text = editText("nat", planServiceEdit("nat", [[rulesOf(WEB), after]]));
  const { svc } = serviceChains(WEB);
  const lost = endpointChain(WEB, gone);
  assert.match(text, new RegExp(`:${svc} - \\[0:0\\]`));
  assert.match(text, new RegExp(`-X ${lost}`));
  assert.doesNotMatch(text, /KUBE-SERVICES/);
  assert.doesNotMatch(text, new RegExp(`-A ${endpointChain(WEB, kept)}`));
  assert.equal(editText("nat", planServiceEdit("nat", [[after, after]])), "");
});

test("planChains finds nothing to do in what iptables-save prints of the same rules, whatever others have there", () => {
  const { nat } = fullRules(frameRules(NODE, 4), [rulesOf(WEB)]);
  const lines = [...nat].flatMap(([chain, rules]) => [
    `:${chain} - [0:0]`,
    ...rules.map((rule) => `-A ${chain} ${rule}`),
  ]);
  const saved = ["*nat", ":DOCKER - [0:0]", "-A DOCKER -j RETURN", ...lines, "-A PREROUTING -j DOCKER", "COMMIT"].join(
    "\n",
  );
  assert.equal(editText("nat", planChains(parseSaved(saved), nat)), "");
  const damaged = saved.replace("-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n", "");
  assert.match(editText("nat", planChains(parseSaved(damaged), nat)), /:KUBE-MARK-MASQ - \[0:0\]\n-A KUBE-MARK-MASQ/);
});
