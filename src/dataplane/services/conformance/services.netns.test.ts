import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Family, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { SERVICE_PROXIES } from "../contract.ts";
import { CASES, type Case } from "./cases.ts";
import { PROXIES, UNTESTED } from "./proxies.ts";
import { ANSWER_MS, ask, DROP_MS, SPOKEN_PROTOCOLS, type SpokenProtocol, startServers } from "./talk.ts";
import { frontendAddress, NODE_PORT, type Proxies, SERVICE_PORT, servicePort, startProxies } from "./with-proxies.ts";
import { createWorld, FAMILIES, type HostName, isOnNode, type NodeName, type World } from "./world.ts";

/** Until each of two backends has answered; the chance that one never does is 1 in 2^60. */
const MAX_QUESTIONS = 60;
const LOOPBACK = { 4: parseAddress("127.0.0.1"), 6: parseAddress("::1") } as const;

test("the suite runs on every proxy, or says why not", () => {
  const known = [...PROXIES.map(({ name }) => name), ...Object.keys(UNTESTED)];
  assert.deepEqual(known.toSorted(), [...SERVICE_PROXIES].toSorted());
});

test("no two cases have one title, and there are enough of them", () => {
  assert.equal(new Set(CASES.map(({ title }) => title)).size, CASES.length);
  assert.ok(CASES.length * FAMILIES.length * SPOKEN_PROTOCOLS.length >= 80);
});

for (const proxy of PROXIES) {
  describe(`Services by ${proxy.name}`, requireRoot, () => {
    let world: World;
    let servers: AsyncDisposable;
    let proxies: Proxies;
    before(async () => {
      world = await createWorld();
      servers = startServers(world);
      proxies = await startProxies(world, proxy);
      await proxies.sync(() => []);
    });
    after(async () => {
      await proxies[Symbol.asyncDispose]();
      await servers[Symbol.asyncDispose]();
      world[Symbol.dispose]();
    });

    for (const family of FAMILIES) {
      for (const protocol of SPOKEN_PROTOCOLS) {
        for (const each of CASES) {
          test(`${each.title} (${protocol}, IPv${family})`, async () => {
            await proxies.change((node) => [servicePort(world, each.service, { node, family, protocol })]);
            await check(world, each, family, protocol);
          });
        }
      }
    }
  });
}

async function check(world: World, each: Case, family: Family, protocol: SpokenProtocol): Promise<void> {
  const { expect, from, to, nodePortOf = "node1" } = each;
  const address =
    frontendAddress(to, family) ??
    (nodePortOf === "loopback" ? LOOPBACK[family] : world.host(nodePortOf).addresses[family]);
  const question = {
    from: world.host(from),
    protocol,
    to: address,
    port: to === "nodePort" ? NODE_PORT : SERVICE_PORT,
    deadlineMs: expect === "dropped" ? DROP_MS : ANSWER_MS,
  };
  if (typeof expect === "string") return assert.equal(await ask(question), expect);
  const missing = new Set<HostName | string>(expect);
  for (let asked = 0; asked < MAX_QUESTIONS && missing.size > 0; asked++) {
    const answer = await ask(question);
    assert.ok(typeof answer === "object", `${answer}, and not an answer of ${expect.join(" or ")}`);
    const backend: HostName | undefined = expect.find((name) => name === answer.backend);
    assert.ok(backend !== undefined, `${answer.backend} answers, and not ${expect.join(" or ")}`);
    assert.equal(answer.port, each.service.targetPort ?? 8080);
    assert.equal(answer.source, seenAddress(world, each, backend, family), `seen by ${backend}`);
    missing.delete(backend);
  }
  assert.deepEqual([...missing], [], `no answer of these in ${MAX_QUESTIONS}`);
}

function seenAddress(world: World, { seen, from }: Case, backend: HostName, family: Family): IpAddress {
  if (seen === "client" || seen === undefined) return world.host(from).addresses[family];
  return masqueraded(world, seen, backend, family);
}

/** The node's address on the way to the backend. */
function masqueraded(world: World, node: NodeName, backend: HostName, family: Family): IpAddress {
  return isOnNode(backend, node) && backend !== node
    ? world.gateways[node][family]
    : world.host(node).addresses[family];
}
