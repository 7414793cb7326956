import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_SOCK_DIAG } from "../netlink/socket.ts";
import type { Netns } from "../netns/netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { conflicts, findListeners } from "./listening.ts";

/** Listens in the namespace, says so on its output, and ends with its input. */
const LISTEN = `
const [protocol, host, port, v6only] = process.argv.slice(1);
const done = () => console.log("listening");
const ipv6Only = v6only === "true";
if (protocol === "tcp") require("node:net").createServer().listen({ port, host, ipv6Only }, done);
else require("node:dgram").createSocket({ type: host.includes(":") ? "udp6" : "udp4", ipv6Only }).bind({ port, address: host }, done);
process.stdin.on("end", () => process.exit()).resume();
`;

async function listenIn(
  netns: Netns,
  protocol: "tcp" | "udp",
  host: string,
  { port = 8080, v6only = false } = {},
): Promise<AsyncDisposable & { readonly child: ChildProcess }> {
  const argv = [process.execPath, "-e", LISTEN, protocol, host, String(port), String(v6only)];
  const child = spawn("nsenter", [`--net=/proc/${process.pid}/fd/${netns.fd}`, "--", ...argv], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(createInterface(child.stdout), "line", { signal: AbortSignal.timeout(10_000) });
  return {
    child,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

const v4 = parseAddress("127.0.0.1");
const other4 = parseAddress("127.0.0.2");
const any4 = parseAddress("0.0.0.0");
const v6 = parseAddress("::1");
const any6 = parseAddress("::");

for (const protocol of ["tcp", "udp"] as const) {
  test(`findListeners finds ${protocol} sockets by port and address`, requireRoot, () =>
    withNetns(
      async (netns) => {
        using socket = createNetlinkSocket({ protocol: NETLINK_SOCK_DIAG, netns });
        const addressesFor = (address: typeof v4 | undefined, port = 8080) =>
          findListeners(socket, { protocol, port, address })?.map((listener) => listener.address);
        assert.deepEqual(addressesFor(undefined), []);
        {
          await using _ = await listenIn(netns, protocol, "127.0.0.1");
          assert.deepEqual(addressesFor(v4), ["127.0.0.1"]);
          assert.deepEqual(addressesFor(any4), ["127.0.0.1"]);
          assert.deepEqual(addressesFor(undefined), ["127.0.0.1"]);
          assert.deepEqual([addressesFor(other4), addressesFor(v6), addressesFor(v4, 8081)], [[], [], []]);
          const foreign = findListeners(socket, { protocol: protocol === "tcp" ? "udp" : "tcp", port: 8080 });
          assert.deepEqual(foreign, []);
        }
        {
          await using _ = await listenIn(netns, protocol, "::");
          assert.deepEqual([addressesFor(v4), addressesFor(v6)], [["::"], ["::"]]);
        }
        {
          await using _ = await listenIn(netns, protocol, "::ffff:127.0.0.1");
          assert.deepEqual([addressesFor(v4), addressesFor(v6)], [["127.0.0.1"], []]);
        }
        {
          await using _ = await listenIn(netns, protocol, "::", { v6only: true });
          assert.deepEqual([addressesFor(v4), addressesFor(v6), addressesFor(any6)], [[], ["::"], ["::"]]);
        }
        assert.deepEqual(addressesFor(undefined), []);
      },
      { loopbackUp: true },
    ),
  );
}

test("findListeners names the owner of the socket", requireRoot, () =>
  withNetns(
    async (netns) => {
      using socket = createNetlinkSocket({ protocol: NETLINK_SOCK_DIAG, netns });
      await using _ = await listenIn(netns, "tcp", "127.0.0.1");
      const [listener] = findListeners(socket, { protocol: "tcp", port: 8080 }) ?? [];
      assert.equal(listener?.uid, 0);
      assert.ok(listener.inode > 0);
    },
    { loopbackUp: true },
  ),
);

test("findListeners is undefined or a list for a protocol that the kernel may lack", requireRoot, () =>
  withNetns((netns) => {
    using socket = createNetlinkSocket({ protocol: NETLINK_SOCK_DIAG, netns });
    const answer = findListeners(socket, { protocol: "sctp", port: 8080 });
    assert.ok(answer === undefined || answer.length === 0);
  }),
);

const table = [
  { bound: "10.0.0.1", v6only: false, address: "10.0.0.1", expected: true },
  { bound: "10.0.0.1", v6only: false, address: "10.0.0.2", expected: false },
  { bound: "0.0.0.0", v6only: false, address: "10.0.0.2", expected: true },
  { bound: "10.0.0.1", v6only: false, address: "0.0.0.0", expected: true },
  { bound: "10.0.0.1", v6only: false, address: "::", expected: true },
  { bound: "10.0.0.1", v6only: false, address: "fd00::1", expected: false },
  { bound: "::", v6only: false, address: "10.0.0.1", expected: true },
  { bound: "::", v6only: true, address: "10.0.0.1", expected: false },
  { bound: "::", v6only: true, address: "fd00::1", expected: true },
  { bound: "fd00::1", v6only: false, address: "10.0.0.1", expected: false },
  { bound: "fd00::1", v6only: false, address: "::", expected: true },
] as const;
for (const { bound, v6only, address, expected } of table) {
  test(`a socket on ${bound}${v6only ? " (v6only)" : ""} ${expected ? "conflicts" : "goes together"} with ${address}`, () => {
    assert.equal(conflicts({ address: parseAddress(bound), v6only }, parseAddress(address)), expected);
  });
}
