import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { hostPrefix, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { createTcpServer, createTcpSocket } from "#kernel/tcp/tcp-socket.ts";
import { requireRoot, withNetns } from "#kernel/testing/with-netns.ts";
import { POD_PORT, STEADY } from "./load-without-end.ts";

const PROGRAM = fileURLToPath(new URL("./load-without-end.ts", import.meta.url));
const KILLS = 4;
const LOOPBACK_IFINDEX = 1;
const CONNECT_MS = 3000;

test("kill -9 in the middle of thousands of Services fails no connection to one that was there", requireRoot, () =>
  withNetns(
    async (netns) => {
      using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
      for (const pod of STEADY.pods) addAddress(socket, { ifindex: LOOPBACK_IFINDEX, prefix: hostPrefix(pod) });
      addRoute(socket, { destination: parsePrefix("10.96.0.0/16"), oif: LOOPBACK_IFINDEX });
      const any = parseAddress("0.0.0.0");
      await using _server = createTcpServer(netns, { address: any, port: POD_PORT }, (client) => {
        client.on("error", () => undefined);
        client.end("here");
      });
      const failures: string[] = [];
      let served = 0;
      let isOver = false;
      const connectOnce = async (): Promise<void> => {
        const client = createTcpSocket(netns, { address: STEADY.pods[0] ?? any, port: 0 });
        try {
          client.connect({ host: STEADY.address, port: STEADY.port });
          await once(client, "data", { signal: AbortSignal.timeout(CONNECT_MS) });
          served++;
        } catch (error) {
          failures.push(String(error));
        } finally {
          client.destroy();
        }
      };
      const lanes: Promise<void>[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const child = startLoad(netns.fd);
        try {
          await once(child.stdout ?? child, "data", { signal: AbortSignal.timeout(60_000) });
          if (lanes.length === 0) {
            const lane = async () => {
              while (!isOver) await connectOnce();
            };
            lanes.push(lane(), lane());
          }
          await pause(100 + kill * 250); // any moment will do: each is another one of the load
        } finally {
          const exited = once(child, "exit");
          child.kill("SIGKILL");
          await exited;
        }
      }
      isOver = true;
      await Promise.all(lanes);
      assert.deepEqual(failures, []);
      assert.ok(served > 0);
    },
    { loopbackUp: true },
  ),
);

function startLoad(fd: number): ChildProcess {
  const nsenter = [`--net=/proc/${process.pid}/fd/${fd}`, "--", process.execPath, PROGRAM];
  return spawn("nsenter", nsenter, { stdio: ["ignore", "pipe", "inherit"] });
}
