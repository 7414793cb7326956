/** The DEL that the runtime would send for a recorded attachment. */
import { parseNetworkConfig } from "#cni/parse-config.ts";
import type { PluginRequest } from "#cni/plugin.ts";
import type { LedgerRecord } from "./ledger.ts";

/** A record of another epoch names a namespace of another life: its path is left out. */
export function requestFromRecord(record: LedgerRecord, epoch: string): PluginRequest {
  const netns = record.epoch === epoch ? record.netns : "";
  return {
    containerId: record.containerId,
    ifname: record.ifname,
    netns,
    args: record.args,
    path: record.path,
    environment: {
      PATH: process.env["PATH"] ?? "",
      CNI_COMMAND: "DEL",
      CNI_CONTAINERID: record.containerId,
      CNI_IFNAME: record.ifname,
      CNI_NETNS: netns,
      CNI_ARGS: record.args,
      CNI_PATH: record.path,
    },
    config: parseNetworkConfig(record.config, { ignoreBrokenPrevResult: true }),
  };
}
