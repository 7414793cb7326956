/** `node main.ts CONFIG.json`: the kubelet of one node, until SIGTERM. Its pods go on without it. */
import { createLog } from "#base/log.ts";
import { runKubelet } from "./run-kubelet.ts";

const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
await runKubelet(process.argv[2] ?? "", createLog(), stop.signal);
