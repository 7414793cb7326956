/** `podwire bench`: each benchmark has a file of its own. */
import { Command } from "commander";
import { apiCommand } from "./bench-api.ts";
import { podsBenchCommand, upBenchCommand } from "./bench-cluster.ts";
import { cniCommand } from "./bench-cni.ts";
import { dnsBenchCommand } from "./bench-dns.ts";
import { policyBenchCommand } from "./bench-policy.ts";
import { servicesBenchCommand } from "./bench-services.ts";
import { throughputCommand } from "./bench-throughput.ts";

export function benchCommand(): Command {
  return new Command("bench")
    .description("Measures Podwire against its peers on this machine.")
    .addCommand(cniCommand())
    .addCommand(apiCommand())
    .addCommand(upBenchCommand())
    .addCommand(podsBenchCommand())
    .addCommand(throughputCommand())
    .addCommand(dnsBenchCommand())
    .addCommand(servicesBenchCommand())
    .addCommand(policyBenchCommand());
}
