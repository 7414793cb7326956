/**
 * A name server as a program of its own, for tests and benchmarks: `node serve-zone.ts ADDRESS PORT SERVICES`. It serves
 * `svc-0.default.svc.cluster.local`, … and a headless Service `many` of ten endpoints; "ready PORT" when it answers.
 * SIGUSR2 prints what it has counted.
 */
import { createResponder } from "../server/create-responder.ts";
import { createDnsCounters } from "../server/dns-counters.ts";
import { listenTcp } from "../server/listen-tcp.ts";
import { listenUdp } from "../server/listen-udp.ts";
import { serviceObject, sliceObject, testZone } from "./dns-objects.ts";

const [address = "127.0.0.1", port = "0", services = "1"] = process.argv.slice(2);
const zone = testZone();
const ports = [{ name: "http", protocol: "TCP", port: 80 } as const];
for (let index = 0; index < Number(services); index++) {
  const clusterIP = `10.${100 + (index >> 16)}.${(index >> 8) & 0xff}.${index & 0xff}`;
  zone.setService(serviceObject(`default/svc-${index}`, { clusterIP, clusterIPs: [clusterIP], ports }));
}
zone.setService(serviceObject("default/many", { clusterIP: "None", ports }));
const endpoints = Array.from({ length: 10 }, (_, index) => ({ address: `10.1.0.${index + 1}` }));
zone.setSlice(sliceObject({ service: "default/many", endpoints, ports }));
const counters = createDnsCounters();
const onError = (error: unknown): void => void process.stderr.write(`${error}\n`);
const responder = createResponder({ zone, counters, onError });
const udp = await listenUdp({ address, port: Number(port), responder, onError });
await listenTcp({ address, port: udp.port, responder, onError, counters });
process.on("SIGUSR2", () => process.stdout.write(`${JSON.stringify(counters.queries)}\n`));
process.stdout.write(`ready ${udp.port}\n`);
