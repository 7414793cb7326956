/** What becomes of connections, old and new, while Services change, the agent starts again, or somebody breaks the rules. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as pass } from "node:timers/promises";
import type { Family, IpAddress } from "#base/ip-address.ts";
import { createConntrackSocket, deleteConntrack, listConntrack } from "#kernel/nfnetlink/conntrack.ts";
import { writeSysctls } from "#kernel/sysctl.ts";
import { createTcpServer } from "#kernel/tcp/tcp-socket.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import type { ServicePort, ServicePortChanges } from "#service/service-port.ts";
import type { ServiceSpec } from "./cases.ts";
import { PROXIES } from "./proxies.ts";
import { ANSWER_MS, type Answer, ask, connectTcp, type Outcome, startServers } from "./talk.ts";
import { frontendAddress, NODE_PORT, type Proxies, SERVICE_PORT, servicePort, startProxies } from "./with-proxies.ts";
import { clusterIp, createWorld, FAMILIES, type HostName, type PodName, underlayNetwork, type World } from "./world.ts";

const CLUSTER_IP: ServiceSpec["frontends"] = [{ kind: "clusterIP" }];
const QUESTIONS = 24;
/** Of an affinity of 1 s. */
const AFFINITY_OVER_MS = 1_200;

for (const proxy of PROXIES) {
  describe(`changes of Services by ${proxy.name}`, requireRoot, () => {
    let world: World;
    let servers: AsyncDisposable;
    let proxies: Proxies;
    before(async () => {
      world = await createWorld();
      servers = startServers(world);
      proxies = await startProxies(world, proxy);
    });
    after(async () => {
      await proxies[Symbol.asyncDispose]();
      await servers[Symbol.asyncDispose]();
      world[Symbol.dispose]();
    });

    const web = (endpoints: readonly PodName[], more: Partial<ServiceSpec> = {}, name = "web", number = 10) =>
      FAMILIES.map((family) =>
        servicePort(
          world,
          { endpoints, frontends: CLUSTER_IP, ...more },
          { node: "node1", family, protocol: "TCP", name, number },
        ),
      );
    const changesTo = (ports: readonly ServicePort[]): ServicePortChanges =>
      new Map(ports.map((port) => [port.id, port]));
    const askOnce = (from: HostName, family: Family, number = 10): Promise<Outcome> =>
      ask({ from: world.host(from), protocol: "TCP", to: clusterIp(family, number), port: SERVICE_PORT });
    /** Names of those that answer some questions. */
    async function answering(from: HostName, family: Family, number = 10): Promise<readonly string[]> {
      const names = new Set<string>();
      for (let asked = 0; asked < QUESTIONS; asked++) {
        const outcome = await askOnce(from, family, number);
        names.add(typeof outcome === "string" ? outcome : outcome.backend);
      }
      return [...names].toSorted();
    }

    for (const family of FAMILIES) {
      test(`update serves by the backends that are there, however they come and go (IPv${family})`, async () => {
        await proxies.sync(() => []);
        const steps: readonly (readonly PodName[])[] = [
          ["n1a"],
          ["n1a", "n2a", "n2b"],
          ["n2a", "n2b"],
          ["n1b", "n2b"],
          [],
          ["n1b"],
        ];
        for (const endpoints of steps) {
          await proxies.on.node1.update(changesTo(web(endpoints)));
          assert.deepEqual(await answering("n1c", family), endpoints.length === 0 ? ["refused"] : endpoints);
          assert.deepEqual(await proxies.on.node1.drift(), []);
        }
        await proxies.on.node1.update(new Map(web([]).map(({ id }) => [id, undefined])));
        assert.deepEqual(await answering("n1c", family), ["refused"]); // an address of the service network
      });

      test(`session affinity keeps a client at its backend until that is gone (IPv${family})`, async () => {
        const all: readonly PodName[] = ["n1a", "n1b", "n2a", "n2b"];
        const sticky = { affinitySeconds: 600 };
        await proxies.sync(() => web(all, sticky));
        const [first, ...others] = await answering("n1c", family);
        assert.deepEqual(others, []);
        await proxies.on.node1.update(changesTo(web([...all, "n2c"], sticky)));
        assert.deepEqual(await answering("n1c", family), [first]);
        const successor = await proxies.restart("node1");
        await successor.sync(world.proxyNodes.node1, changesOf(web([...all, "n2c"], sticky)));
        assert.deepEqual(await answering("n1c", family), [first]);
        const rest = all.filter((name) => name !== first);
        await successor.update(changesTo(web(rest, sticky)));
        const [second, ...more] = await answering("n1c", family);
        assert.deepEqual(more, []);
        assert.ok(rest.some((name) => name === second));
        await successor.update(changesTo(web(rest)));
        assert.deepEqual(await answering("n1c", family), rest.toSorted());
      });
    }

    test("session affinity is each client's own", async () => {
      const all: readonly PodName[] = ["n1a", "n1b", "n2a", "n2b"];
      const spec = { affinitySeconds: 600, frontends: [{ kind: "clusterIP" }, { kind: "nodePort" }] } as const;
      await proxies.sync(() => web(all, spec));
      for (const from of ["n1c", "node1", "outside"] as const) {
        assert.equal((await answering(from, 4)).length, 1, from);
        assert.equal((await answering(from, 6)).length, 1, from);
      }
    });

    test("session affinity ends when its time is over", async () => {
      const all: readonly PodName[] = ["n1a", "n1b", "n2a", "n2b"];
      const numbers = Array.from({ length: 8 }, (_, index) => 20 + index);
      await proxies.sync(() => numbers.flatMap((number) => web(all, { affinitySeconds: 1 }, `web-${number}`, number)));
      const askAll = async (): Promise<readonly string[]> => {
        const chosen: string[] = [];
        for (const number of numbers)
          for (const family of FAMILIES) chosen.push(await backendOf(askOnce("n1c", family, number)));
        return chosen;
      };
      const before = await askAll();
      await pass(AFFINITY_OVER_MS);
      const after = await askAll();
      // 16 choices of one in four: that all of them are as before is one in 4 billion.
      assert.notDeepEqual(after, before);
    });

    test("externalTrafficPolicy Local and session affinity go together", async () => {
      const endpoints: readonly PodName[] = ["n1a", "n1b", "n2a", "n2b"];
      const frontends = [{ kind: "nodePort", traffic: "local" }] as const;
      await proxies.sync((node) =>
        FAMILIES.map((family) =>
          servicePort(world, { endpoints, frontends, affinitySeconds: 600 }, { node, family, protocol: "TCP" }),
        ),
      );
      for (const family of FAMILIES) {
        for (const [from, to, expected] of [
          ["outside", "node1", ["n1a", "n1b"]],
          ["outside", "node2", ["n2a", "n2b"]],
          ["n1c", "node1", endpoints],
        ] as const) {
          const chosen = new Set<string>();
          for (let asked = 0; asked < QUESTIONS; asked++) {
            const question = { from: world.host(from), to: world.host(to).addresses[family], port: NODE_PORT };
            const answer = await ask({ ...question, protocol: "TCP" });
            assert.ok(typeof answer === "object", `${from} by ${to}: ${answer}`);
            assert.equal(answer.source, world.host(from).addresses[family], `${from} by ${to}`);
            chosen.add(answer.backend);
          }
          const [only = "", ...others] = chosen;
          assert.deepEqual(others, [], `${from} by ${to}`);
          assert.ok(
            expected.some((name) => name === only),
            `${from} by ${to}: ${only}`,
          );
        }
      }
    });

    test("node ports listen at the addresses that were asked for, and at no others", async () => {
      const spec = { endpoints: ["n1b"], frontends: [{ kind: "nodePort" }] } as const;
      const ports = FAMILIES.map((family) => servicePort(world, spec, { node: "node1", family, protocol: "TCP" }));
      const { node1 } = world.proxyNodes;
      const asked = async (to: IpAddress): Promise<string> =>
        backendOf(ask({ from: world.host("n1c"), protocol: "TCP", to, port: NODE_PORT }));
      const others = world.gateways.node1;
      for (const nodePortAddresses of [[], FAMILIES.map(underlayNetwork), []]) {
        await proxies.on.node1.sync({ ...node1, nodePortAddresses }, changesOf(ports));
        for (const family of FAMILIES) {
          assert.equal(await asked(world.host("node1").addresses[family]), "n1b");
          const expected = nodePortAddresses.length === 0 ? "n1b" : "refused";
          assert.equal(await asked(others[family]), expected, `${others[family]}`);
        }
      }
    });

    test("a frontend that two Services want is the older id's, until that one goes", async () => {
      const both = [...web(["n1a"], {}, "older", 10), ...web(["n1b"], {}, "younger", 10)];
      const { conflicts } = await proxies.on.node1.sync(world.proxyNodes.node1, changesOf(both));
      assert.deepEqual(
        conflicts.map(({ id, owner }) => [id, owner]),
        FAMILIES.map((family) => [`default/younger:http/TCP/${family}`, `default/older:http/TCP/${family}`]),
      );
      assert.deepEqual(await answering("n1c", 4), ["n1a"]);
      await proxies.on.node1.update(new Map(web([], {}, "older").map(({ id }) => [id, undefined])));
      assert.deepEqual(await answering("n1c", 4), ["n1b"]);
      const again = await proxies.on.node1.update(changesTo(web(["n1a"], {}, "older")));
      assert.equal(again.conflicts.length, FAMILIES.length);
      assert.deepEqual(await answering("n1c", 6), ["n1a"]);
      assert.deepEqual(await proxies.on.node1.drift(), []);
    });

    test("sync takes over what another process left: nothing is written, and connections stand", async () => {
      const ports = [...web(["n1a", "n2a"]), ...web(["n2b"], { affinitySeconds: 60 }, "other", 11)];
      await proxies.sync(() => ports);
      await proxies.on.node1.update(changesTo(web(["n2a", "n2b", "n2c"])));
      await using held = await holdConnection(world, clusterIp(4, 10));
      const wanted = [...web(["n2a", "n2b", "n2c"]), ...web(["n2b"], { affinitySeconds: 60 }, "other", 11)];
      await proxies.on.node1.sync(world.proxyNodes.node1, changesOf(wanted)); // sweeps what updates left for later use
      const successor = await proxies.restart("node1");
      assert.deepEqual((await successor.sync(world.proxyNodes.node1, changesOf(wanted))).changes, []);
      assert.deepEqual(await successor.drift(), []);
      assert.deepEqual(await answering("n1c", 4), ["n2a", "n2b", "n2c"]);
      // What went away while nobody looked is swept.
      const next = await proxies.restart("node1");
      assert.notDeepEqual((await next.sync(world.proxyNodes.node1, changesOf(web(["n2b"])))).changes, []);
      assert.deepEqual(await answering("n1c", 4), ["n2b"]);
      assert.deepEqual(await answering("n1c", 4, 11), ["refused"]);
      assert.equal(await held.echo("still here"), "still here");
    });

    test("sync repairs what was taken away by hand, and connections stand", async () => {
      const ports = [...web(["n1a", "n2a"]), ...web(["n2b"], { affinitySeconds: 60 }, "other", 11)];
      await proxies.sync(() => ports);
      await using held = await holdConnection(world, clusterIp(4, 10));
      for (const damage of proxy.damages) {
        assert.deepEqual(await proxies.on.node1.drift(), [], "before the damage");
        await outputIn(world.host("node1").netns, damage);
        assert.notDeepEqual(await proxies.on.node1.drift(), [], damage.join(" "));
        await proxies.on.node1.sync(world.proxyNodes.node1, changesOf(ports));
        assert.deepEqual(await proxies.on.node1.drift(), [], damage.join(" "));
        assert.deepEqual(await answering("n1c", 4), ["n1a", "n2a"], damage.join(" "));
        assert.equal(await backendOf(askOnce("n1c", 6, 11)), "n2b", damage.join(" "));
      }
      assert.equal(await held.echo("still here"), "still here");
    });

    test("a packet that connection tracking cannot place ends no connection", async () => {
      const port = 9000;
      const { netns, addresses } = world.host("n2a");
      const node1 = world.host("node1").netns;
      const there = [{ address: addresses[4], port }];
      await proxies.sync(() => web(["n2a"]).map((each) => (each.family === 4 ? { ...each, cluster: there } : each)));
      await using stack = new AsyncDisposableStack();
      stack.defer(() => writeSysctls(node1, { "net/netfilter/nf_conntrack_tcp_loose": 1 }));
      writeSysctls(node1, { "net/netfilter/nf_conntrack_tcp_loose": 0 });
      const trouble: string[] = [];
      const accepted = Promise.withResolvers<Socket>();
      const server = createTcpServer(netns, { address: addresses[4], port }, accepted.resolve);
      stack.defer(() => void server.close());
      const client = connectTcp({ from: world.host("n1c"), protocol: "TCP", to: clusterIp(4, 10), port: SERVICE_PORT });
      stack.defer(() => void client.destroy());
      const socket = await accepted.promise;
      stack.defer(() => void socket.destroy());
      socket.on("error", (error) => trouble.push(String(error)));
      const tracked = stack.use(createConntrackSocket(node1));
      for (const entry of listConntrack(tracked, { reply: { source: addresses[4] } })) deleteConntrack(tracked, entry);
      // Not translated back it would come as from the backend, whom the client has never asked, and would be refused.
      socket.write("late");
      // There and back behind it, and there and back behind the refusal.
      for (let asked = 0; asked < 2; asked++) {
        await ask({ from: world.host("n1c"), protocol: "TCP", to: addresses[4], port: 8080 });
      }
      assert.deepEqual(trouble, []);
    });

    test("changes under load fail no connection to backends that stay", async () => {
      await proxies.sync(() => web(["n1b", "n2b"]));
      const sets: readonly (readonly PodName[])[] = [
        ["n1b", "n2b", "n2a"],
        ["n1b"],
        ["n2b", "n1b"],
        ["n1b", "n1a", "n2c", "n2b"],
      ];
      const failures: string[] = [];
      let asked = 0;
      let isOver = false;
      const load = Array.from({ length: 4 }, async (_, lane) => {
        while (!isOver) {
          const outcome = await askOnce(lane % 2 === 0 ? "n1c" : "node1", lane < 2 ? 4 : 6);
          if (typeof outcome === "string") failures.push(outcome);
          asked++;
        }
      });
      for (let step = 0; step < proxy.changesUnderLoad; step++) {
        await proxies.on.node1.update(changesTo(web(sets[step % sets.length] ?? [])));
        if (step % 10 === 5) {
          const successor = await proxies.restart("node1");
          await successor.sync(world.proxyNodes.node1, changesOf(web(sets[(step + 1) % sets.length] ?? [])));
        }
        await askOnce("n1c", 4);
      }
      isOver = true;
      await Promise.all(load);
      assert.deepEqual(failures, []);
      assert.ok(asked > 0);
    });

    test("a change is written as a change", async () => {
      const ports = [...web(["n1a", "n2a"]), ...web(["n2b"], {}, "other", 11)];
      await proxies.sync(() => ports);
      assert.deepEqual((await proxies.on.node1.update(changesTo(ports))).changes, []);
      const few = await proxies.on.node1.update(changesTo(web(["n1a", "n2c"])));
      assert.ok(
        few.changes.length > 0 && few.changes.every((change) => !/\btable\b/.test(change)),
        few.changes.join("; "),
      );
    });

    test("remove takes away all of it, also what another process left", async () => {
      const { netns } = world.host("node2");
      await proxies.on.node2.remove();
      const empty = await outputIn(netns, ["nft", "list", "ruleset"]);
      await proxies.on.node2.sync(world.proxyNodes.node2, changesOf(web(["n1a", "n2a"], { affinitySeconds: 60 })));
      assert.notEqual(await outputIn(netns, ["nft", "list", "ruleset"]), empty);
      const successor = await proxies.restart("node2");
      await successor.remove();
      assert.equal(await outputIn(netns, ["nft", "list", "ruleset"]), empty);
      await successor.remove();
    });

    test("update asks for a sync before", async () => {
      const successor = await proxies.restart("node2");
      await assert.rejects(async () => successor.update(changesTo(web(["n1a"]))), /synced/);
    });

    async function backendOf(outcome: Promise<Outcome>): Promise<Answer["backend"]> {
      const answer = await outcome;
      return typeof answer === "string" ? answer : answer.backend;
    }

    function changesOf(ports: readonly ServicePort[]): ReadonlyMap<string, ServicePort> {
      return new Map(ports.map((port) => [port.id, port]));
    }
  });
}

/** A connection of n1c that stands from before something happens. */
async function holdConnection(world: World, to: IpAddress) {
  const socket = connectTcp({ from: world.host("n1c"), protocol: "TCP", to, port: SERVICE_PORT });
  await once(socket, "data");
  return {
    async echo(text: string): Promise<string> {
      const heard = once(socket, "data", { signal: AbortSignal.timeout(ANSWER_MS) });
      socket.write(text);
      return String((await heard)[0]);
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}

test("frontends of a Service have addresses of their own", () => {
  for (const family of FAMILIES) {
    const addresses = (["clusterIP", "externalIP", "loadBalancer"] as const).map((kind) =>
      frontendAddress(kind, family),
    );
    assert.equal(new Set(addresses).size, addresses.length);
  }
});
