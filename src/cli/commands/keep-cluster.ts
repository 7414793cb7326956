/** `podwire keep-cluster`: started by `podwire up`, with what it is to do as JSON on its standard input. */
import { appendFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { Command } from "commander";
import type { KeeperOptions } from "#cluster/keeper/run-keeper.ts";

/** Exit status when another keeper has the name: EX_TEMPFAIL of sysexits.h. */
export const NAME_TAKEN = 75;

export function keepClusterCommand(): Command {
  return new Command("keep-cluster")
    .description("The process that a cluster lives in; podwire up starts it.")
    .argument("<name>", "of the cluster, for who looks at the list of processes")
    .action(async () => {
      const stop = new AbortController();
      for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stop.abort());
      // Whoever started it may go first.
      for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
      const { keeperLog, runKeeper } = await import("#cluster/keeper/run-keeper.ts");
      // Written by start-keeper.ts from this type.
      const options = JSON.parse(await text(process.stdin)) as KeeperOptions;
      // Nobody reads its standard error any more.
      process.on("uncaughtExceptionMonitor", (error) => appendFileSync(keeperLog(options), `${error.stack}\n`));
      if (!(await runKeeper(options, stop.signal))) process.exitCode = NAME_TAKEN;
    });
}
