/** Starts an underlay that joins the network namespace at the path given, says so, and waits to be killed. `uplink`: with a way out. */
import { openNetns } from "#kernel/netns/netns.ts";
import { startUnderlay } from "../underlay.ts";

const options = {
  clusterName: "killed",
  dualStack: true,
  mtuBytes: 1500,
  isHostJoined: true,
  hasUplink: process.argv[3] === "uplink",
};
const hostNetns = openNetns(process.argv[2] ?? "");
const underlay = await startUnderlay({ ...options, hostNetns }, AbortSignal.timeout(20_000));
process.stdout.write(`${underlay.netnsPath}\n`);
process.stdin.resume();
