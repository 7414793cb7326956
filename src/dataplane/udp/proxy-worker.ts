/** The thread that the proxy runs in, so that packets do not wait for the agent nor the agent for packets. */
import { parentPort, workerData } from "node:worker_threads";
import { openNetns } from "#kernel/netns/netns.ts";
import { startProxy } from "./proxy.ts";
import type { ProxyReply, ProxyRequest, ProxyStart } from "./proxy-thread.ts";

// Both ends of the channel are this program's own: proxy-thread.ts sends nothing else.
const { netnsFd, ...options } = workerData as ProxyStart;
const port = parentPort;
if (port === null) throw new Error("Cannot run the udp proxy: it is started as a thread");

const netns = openNetns(`/proc/self/fd/${netnsFd}`);
const reply = (message: ProxyReply) => port.postMessage(message);

/** Ends this thread, with the error as the reason that its owner learns. */
const onError = (error: unknown): void => {
  throw error;
};

const proxy = startProxy({ ...options, netns, onError });
port.on("message", (request: ProxyRequest) => {
  if (request.do === "program") {
    proxy.program(request.entries);
    reply({ done: request.number });
    return;
  }
  proxy[Symbol.dispose]();
  netns[Symbol.dispose]();
  port.close();
});
reply({ done: 0 });
