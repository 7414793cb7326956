/** `podwire kubeconfig` */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { clusterPaths } from "#cluster/cluster-paths.ts";
import { clusterStatus, commandSignal, nameOption, requireRoot } from "../cluster/cluster-name.ts";

interface KubeconfigOptions {
  readonly name: string;
  readonly path?: true;
}

const TIMEOUT_SECONDS = 10;

export function kubeconfigCommand(): Command {
  return new Command("kubeconfig")
    .description("Prints the kubeconfig of a cluster's administrator.")
    .addOption(nameOption())
    .option("--path", "print where it is instead")
    .addHelpText("after", "\nExample:\n  export KUBECONFIG=$(sudo podwire kubeconfig --path)\n  kubectl get nodes")
    .action(async ({ name, path }: KubeconfigOptions) => {
      requireRoot("Cannot read a cluster's kubeconfig");
      const { kubeconfig } = clusterPaths(name, process.env);
      await clusterStatus(name, commandSignal(TIMEOUT_SECONDS)); // says so when it is not up
      process.stdout.write(path ? `${kubeconfig}\n` : readFileSync(kubeconfig, "utf8"));
    });
}
