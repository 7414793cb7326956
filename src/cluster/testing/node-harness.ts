/** Starts a node with a pod as told on stdin, prints what it is, and waits to be killed. */
import { text } from "node:stream/consumers";
import { startNode } from "../node-sandbox.ts";
import { runPod } from "../pod.ts";

const signal = AbortSignal.timeout(60_000);
const node = await startNode(JSON.parse(await text(process.stdin)), signal);
await runPod({ node, name: "left" }, signal);
process.stdout.write(`${JSON.stringify({ podCgroupParent: node.podCgroupParent })}\n`);
// containerd, a child process, keeps this one running.
