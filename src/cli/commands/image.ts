/** `podwire image load` */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "commander";
import { CliError } from "../cli-error.ts";
import { askCluster, commandSignal, nameOption, requireRoot } from "../cluster/cluster-name.ts";

const TIMEOUT_SECONDS = 300;

export function imageCommand(): Command {
  const load = new Command("load")
    .description("Loads the images of a file, as docker save or podman save write it, into every node that runs.")
    .argument("<file>", "a tar archive: Docker's, or OCI's")
    .addOption(nameOption())
    .addHelpText("after", "\nExample:\n  docker save -o app.tar app:1.0\n  sudo podwire image load app.tar")
    .action(async (file: string, { name }: { readonly name: string }) => {
      requireRoot("Cannot load images into nodes");
      const path = resolve(file);
      if (!existsSync(path))
        throw new CliError("usage", { what: `Cannot load "${file}"`, why: "there is no such file" });
      const { images = [] } = await askCluster(
        name,
        { op: "load-image", path },
        { signal: commandSignal(TIMEOUT_SECONDS) },
      );
      process.stdout.write(images.map((image) => `${image}\n`).join(""));
    });
  return new Command("image").description("Loads container images into a cluster's nodes.").addCommand(load);
}
