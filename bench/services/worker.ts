/**
 * One contestant, in namespaces of its own: pods' addresses are on `lo`, and connections go out of this process and come
 * back to it, so that what differs is the translation alone. System calls are made directly: Node's own connections would
 * cost ten times what is measured.
 */
import { execFileSync } from "node:child_process";
import { closeSync } from "node:fs";
import { setTimeout as pass } from "node:timers/promises";
import { type Family, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { createIptablesServiceProxy } from "#dataplane/services/iptables/create-iptables-service-proxy.ts";
import { createNftablesServiceProxy } from "#dataplane/services/nftables/create-nftables-service-proxy.ts";
import { createNftSocket } from "#kernel/nfnetlink/transaction.ts";
import { AF_INET, call, SOCK_CLOEXEC, SOL_SOCKET, syscalls } from "#kernel/syscalls/syscalls.ts";
import { encodeSocketAddress } from "#kernel/udp/socket-address.ts";
import type { ServicePort } from "#service/service-port.ts";
import { median } from "../statistics.ts";
import {
  BACKEND_PORT,
  BENCH_NODE,
  podAddress,
  prepareAddresses,
  SERVICE_PORT,
  sampleService,
  sampleServices,
  serviceAddress,
} from "./sample-services.ts";
import type { ProgramStopped, ServicesMeasurement, ServicesWorkerOptions } from "./worker-protocol.ts";

const SOCK_STREAM = 1;
const SO_REUSEADDR = 2;
const SO_LINGER = 13;
const BACKLOG = 128;
const WARM_UP = 200;
/** Kernel and V8 have work of their own behind so many elements: what changes cost comes to rest with it. */
const SETTLE_MS = 1_000;

interface Contestant {
  /** Undefined: it was stopped at the deadline. */
  program(ports: ReadonlyMap<string, ServicePort>): Promise<number | undefined>;
  change(port: ServicePort): Promise<number>;
}

/** Ours, in this process. */
function podwire(): Contestant {
  const proxy = createNftablesServiceProxy({ nft: createNftSocket() });
  return {
    program: async (ports) => timed(() => proxy.sync(BENCH_NODE, ports)),
    change: async (port) => timed(() => proxy.update(new Map([[port.id, port]]))),
  };
}

/** The rules that kube-proxy writes, by `iptables-nft-restore`: what is measured is that program alone. */
function iptables(deadlineMs: number): Contestant {
  let spentMs = 0;
  const commands = {
    async restore(family: Family, input: string) {
      const program = family === 4 ? "iptables-nft-restore" : "ip6tables-nft-restore";
      const limits = { timeout: deadlineMs, killSignal: "SIGKILL" } as const;
      spentMs += timed(() => execFileSync(program, ["--noflush"], { input, ...limits }));
    },
    save: async () => "", // nothing is there at first; later only update is asked for
  };
  const proxy = createIptablesServiceProxy({ commands });
  const measured = async (work: () => Promise<unknown>): Promise<number> => {
    spentMs = 0;
    await work();
    return spentMs;
  };
  return {
    async program(ports) {
      try {
        return await measured(() => proxy.sync(BENCH_NODE, ports));
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ETIMEDOUT") return undefined;
        throw error;
      }
    },
    change: (port) => measured(() => proxy.update(new Map([[port.id, port]]))),
  };
}

function timed(work: () => unknown): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

async function measure(options: ServicesWorkerOptions): Promise<ServicesMeasurement | ProgramStopped> {
  const { contestant, services, endpointsEach, connections, rounds, programDeadlineMs } = options;
  prepareAddresses();
  const ports = sampleServices(services, endpointsEach);
  const target = contestant === "podwire" ? podwire() : iptables(programDeadlineMs);
  const programMs = await target.program(ports);
  if (programMs === undefined) return { stoppedAfterMs: programDeadlineMs };
  await pass(SETTLE_MS);
  const changeMs = await changeSome(target, options);
  const server = listenAt(parseAddress("0.0.0.0"));
  const ways = {
    direct: { address: podAddress(0), port: BACKEND_PORT },
    first: { address: serviceAddress(0), port: SERVICE_PORT },
    last: { address: serviceAddress(services - 1), port: SERVICE_PORT },
  };
  const connectUs: Record<keyof typeof ways, number[]> = { direct: [], first: [], last: [] };
  const cpuUsPerConnection: number[] = [];
  for (const way of Object.values(ways)) connectSome(server, way, WARM_UP);
  for (let round = 0; round < rounds; round++) {
    connectUs.direct.push(median(connectSome(server, ways.direct, connections)));
    connectUs.first.push(median(connectSome(server, ways.first, connections)));
    const cpu = process.cpuUsage();
    connectUs.last.push(median(connectSome(server, ways.last, connections)));
    const { user, system } = process.cpuUsage(cpu);
    cpuUsPerConnection.push((user + system) / connections);
  }
  closeSync(server);
  return { programMs, changeMs, connectUs, cpuUsPerConnection };
}

/** Milliseconds of one changed endpoint each, in turn with the way back. */
async function changeSome(
  target: Contestant,
  { services, endpointsEach, changes, warmUpChanges }: ServicesWorkerOptions,
): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let change = 0; change < warmUpChanges + changes; change++) {
    const number = Math.floor((change * 7919) % services);
    const spentMs = await target.change(sampleService(number, endpointsEach, 1 + (change % 3)));
    if (change >= warmUpChanges) samples.push(spentMs);
    await target.change(sampleService(number, endpointsEach));
  }
  return samples;
}

function listenAt(address: IpAddress): number {
  const fd = openTcp();
  const name = encodeSocketAddress({ address, port: BACKEND_PORT });
  setInt(fd, SO_REUSEADDR, [1]);
  call("bind", "bind the server", fd, name, name.length);
  call("listen", "listen", fd, BACKLOG);
  return fd;
}

/** Microseconds of each connect(2); both ends are closed by a reset, so that nothing of it stays. */
function connectSome(server: number, to: { readonly address: IpAddress; readonly port: number }, count: number) {
  const name = encodeSocketAddress(to);
  const samples: number[] = [];
  for (let done = 0; done < count; done++) {
    const fd = openTcp();
    setInt(fd, SO_LINGER, [1, 0]);
    const started = process.hrtime.bigint();
    call("connect", `connect to ${to.address}`, fd, name, name.length);
    samples.push(Number(process.hrtime.bigint() - started) / 1000);
    const accepted = call("accept4", "accept", server, null, null, SOCK_CLOEXEC);
    closeSync(fd);
    closeSync(accepted);
  }
  return samples;
}

function openTcp(): number {
  return call("socket", "open TCP socket", AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

function setInt(fd: number, option: number, values: readonly number[]): void {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeInt32LE(value, 4 * index);
  if (syscalls.setsockopt(fd, SOL_SOCKET, option, bytes, bytes.length) < 0)
    throw new Error(`Cannot set option ${option}`);
}

const measurement = await measure(JSON.parse(process.argv[2] ?? "{}"));
process.stdout.write(`${JSON.stringify(measurement)}\n`);
