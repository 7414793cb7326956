/** Host ports that another pod of the node has. */
import { isPortTaken } from "../pod/host-ports.ts";
import type { Filter } from "./filter.ts";

const REASON = ["node(s) didn't have free ports for the requested pod ports"];

export const hostPorts: Filter = {
  name: "NodePorts",
  helpedBy: ["NodeAdded", "PodRemoved"],
  prepare({ ports }) {
    if (ports.length === 0) return undefined;
    return ({ ports: used }) => (ports.some((port) => isPortTaken(used, port)) ? REASON : undefined);
  },
};
