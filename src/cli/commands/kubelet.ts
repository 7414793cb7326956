/** `podwire kubelet` */
import { Command } from "commander";

export function kubeletCommand(): Command {
  return new Command("kubelet")
    .description("Runs the kubelet of one node in the foreground, until SIGTERM or SIGINT. Its pods go on without it.")
    .requiredOption("--config <file>", "JSON: names of its kubeconfig, certificates, sockets and folders")
    .addHelpText("after", "\nExample:\n  podwire kubelet --config /var/lib/kubelet/config.json")
    .action(async ({ config }: { readonly config: string }) => {
      const [{ runKubelet }, { createLog }] = await Promise.all([
        import("#kubelet/run-kubelet.ts"),
        import("#base/log.ts"),
      ]);
      const stop = new AbortController();
      for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
      await runKubelet(config, createLog(), stop.signal);
    });
}
