/**
 * An agent that can be killed at any step. Says "loaded" when it could start, starts at a byte on stdin, and says
 * "ready" when its socket accepts. It ends with its stdin.
 */
import "./kill-at-step.ts";
import { once } from "node:events";
import { flushCompileCache } from "node:module";
import { runAgent } from "#agent/main.ts";

const stop = new AbortController();
process.stdin.once("end", () => stop.abort());
flushCompileCache(); // it will not end in order
process.stdout.write("loaded\n");
await once(process.stdin, "data");
await runAgent({
  environment: process.env,
  signal: stop.signal,
  onReady: () => void process.stdout.write("ready\n"),
});
process.exit();
