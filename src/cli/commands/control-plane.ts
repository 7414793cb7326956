/** `podwire control-plane` */
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { AddressError, networkOf, overlaps, type Prefix, parsePrefix } from "#base/ip-address.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { CliError } from "../cli-error.ts";
import { parsePrefixes } from "./agent-service-flags.ts";

interface ControlPlaneCommandOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly dataDir: string;
  readonly kubeconfig?: string;
  readonly store: string;
  readonly name: string;
  readonly podCidr: readonly Prefix[];
  readonly serviceCidr: readonly Prefix[];
  readonly loadBalancerPool: readonly Prefix[];
  readonly serverName: readonly string[];
  readonly quiet?: true;
}

export function controlPlaneCommand(): Command {
  return new Command("control-plane")
    .description(
      "Runs a Kubernetes API server with scheduler and controllers in the foreground, until SIGTERM or SIGINT. " +
        "It needs no root. Certificates and state are kept in the data directory.",
    )
    .option("--listen <addr:port>", "where to serve HTTPS; port 0 takes any free one", parseListen, {
      host: "127.0.0.1",
      port: 6443,
    })
    .option("--data-dir <dir>", "certificates, keys and the SQLite store", "/var/lib/podwire/control-plane")
    .option("--kubeconfig <file>", "written for the administrator (default: admin.kubeconfig in the data directory)")
    .option("--store <store>", "sqlite, or etcd://HOST:PORT,HOST:PORT,…", parseStore, "sqlite")
    .option("--name <name>", "of the cluster, in the kubeconfig", "podwire")
    .option("--pod-cidr <prefixes>", "pods of all nodes: one prefix, or one of each family", parseCidrs, [
      parsePrefix("10.244.0.0/16"),
    ])
    .option(
      "--service-cidr <prefixes>",
      "cluster addresses of Services, the first family being the default",
      parseCidrs,
      [parsePrefix("10.96.0.0/16")],
    )
    .option(
      "--load-balancer-pool <prefixes>",
      "what Services of type LoadBalancer get their addresses from (default: nothing)",
      parsePrefixes,
      [],
    )
    .option("--server-name <names>", "further names and addresses of this server, behind commas", splitNames, [])
    .option("-q, --quiet", "log errors only")
    .addHelpText(
      "after",
      "\nExample:\n  podwire control-plane --data-dir ./cluster --listen 127.0.0.1:6443\n" +
        "  kubectl --kubeconfig ./cluster/admin.kubeconfig get namespaces",
    )
    .action(run);
}

async function run(options: ControlPlaneCommandOptions): Promise<void> {
  requireApart(options.podCidr, options.serviceCidr);
  const [{ runControlPlane }, { createLog }] = await Promise.all([
    import("#control-plane/run-control-plane.ts"),
    import("#base/log.ts"),
  ]);
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
  const log = createLog();
  const dataDirectory = resolve(options.dataDir);
  const kubeconfigPath = resolve(options.kubeconfig ?? join(dataDirectory, "admin.kubeconfig"));
  try {
    await runControlPlane({
      listen: options.listen,
      dataDirectory,
      kubeconfigPath,
      storeUrl: options.store,
      clusterName: options.name,
      podCidrs: options.podCidr,
      serviceCidrs: options.serviceCidr,
      loadBalancerPools: options.loadBalancerPool,
      serverNames: options.serverName,
      podwireVersion: packageJson.version,
      log: options.quiet ? { ...log, info: () => undefined } : log,
      signal: stop.signal,
      onReady: (url) => {
        if (!options.quiet) process.stderr.write(`${url} is ready. Next: export KUBECONFIG=${kubeconfigPath}\n`);
      },
    });
  } catch (cause) {
    throw explained(cause, options);
  }
}

function explained(cause: unknown, { listen, store }: ControlPlaneCommandOptions): unknown {
  if (!(cause instanceof Error)) return cause;
  const what = "Cannot run the control plane";
  if ("code" in cause && cause.code === "EADDRINUSE") {
    const next = "choose another one with --listen, or port 0 for any free one";
    return new CliError("machine", { what, why: `port ${listen.port} of ${listen.host} is in use`, next }, { cause });
  }
  if (cause.name === "StoreError")
    return new CliError("machine", { what, why: cause.message, evidence: `store ${store}` }, { cause });
  return cause;
}

function parseListen(text: string): ControlPlaneCommandOptions["listen"] {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || port === undefined || Number(port) > 65_535) {
    throw new InvalidArgumentError("Write ADDRESS:PORT, such as 127.0.0.1:6443 or [::1]:6443.");
  }
  return { host, port: Number(port) };
}

function parseStore(text: string): string {
  if (text === "sqlite" || /^etcd:\/\/[^/?#\s]+\/?$/.test(text)) return text;
  throw new InvalidArgumentError("Write sqlite or etcd://HOST:PORT, more of them behind commas.");
}

function parseCidrs(text: string): readonly Prefix[] {
  const prefixes = text.split(",").map(parseCidr);
  if (new Set(prefixes.map(({ family }) => family)).size !== prefixes.length) {
    throw new InvalidArgumentError("Give one prefix, or one of each family.");
  }
  return prefixes;
}

function parseCidr(text: string): Prefix {
  try {
    return networkOf(parsePrefix(text));
  } catch (error) {
    if (error instanceof AddressError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

function splitNames(text: string): readonly string[] {
  return text.split(",").filter((name) => name !== "");
}

function requireApart(pods: readonly Prefix[], services: readonly Prefix[]): void {
  const clash = pods.some((one) => services.some((other) => one.family === other.family && overlaps(one, other)));
  if (!clash) return;
  throw new CliError("usage", {
    what: "Cannot run the control plane",
    why: "--pod-cidr and --service-cidr overlap",
    next: "choose prefixes that have no address in common",
  });
}
