/** The flags of `podwire agent` that concern the network between nodes; those that flanneld has too have its names. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import { DEFAULT_ETCD_PREFIX } from "#agent/network/etcd/lease-formats.ts";
import type { NetworkOptions } from "#agent/network/start-network.ts";
import { AddressError, type Family, familyOf, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { CliError } from "../cli-error.ts";

export interface NetworkFlags {
  readonly nodeName?: string;
  readonly kubeconfig?: string;
  readonly kubeAnnotationPrefix?: string;
  readonly etcdEndpoints?: readonly URL[];
  readonly etcdPrefix: string;
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  readonly confDir?: string;
  readonly subnetFile?: string;
  readonly iface?: string;
  readonly publicIp?: IpAddress;
  readonly publicIpv6?: IpAddress;
}

export function addNetworkFlags(command: Command): Command {
  return command
    .option("--node-name <node>", "name of this node's object; connects its pods with other nodes'")
    .option("--kubeconfig <file>", "how to reach the API (default: the service account of the pod it runs in)")
    .option("--kube-annotation-prefix <prefix>", "of the annotations that nodes announce themselves by")
    .option("--etcd-endpoints <urls>", "follow leases in etcd instead, behind commas", parseEndpoints)
    .option("--etcd-prefix <prefix>", "of the keys there", parseEtcdPrefix, DEFAULT_ETCD_PREFIX)
    .option("--etcd-cafile <file>", "PEM, for https")
    .option("--etcd-certfile <file>", "PEM, for https")
    .option("--etcd-keyfile <file>", "PEM, for https")
    .option("--conf-dir <dir>", "where to write 10-podwire.conflist", "/etc/cni/net.d")
    .option("--subnet-file <file>", "where to write what the flannel plugin reads", "/run/flannel/subnet.env")
    .option("--iface <link>", "link to the other nodes, or an address on it (default: that of the node's InternalIP)")
    .option("--public-ip <address>", "IPv4 address that other nodes send to, when no link has it", parseIp(4))
    .option("--public-ipv6 <address>", "the same for IPv6", parseIp(6));
}

/** Undefined when none of it is wanted. */
export function networkOptions(flags: NetworkFlags): NetworkOptions | undefined {
  const source = sourceOf(flags);
  if (source === undefined) return undefined;
  return {
    // In etcd nodes are known by their subnets.
    nodeName: flags.nodeName ?? hostname(),
    source,
    confDir: flags.confDir,
    subnetFile: flags.subnetFile,
    iface: flags.iface,
    publicAddresses: { 4: flags.publicIp, 6: flags.publicIpv6 },
  };
}

function sourceOf(flags: NetworkFlags): NetworkOptions["source"] | undefined {
  const { nodeName, kubeconfig, kubeAnnotationPrefix: annotationPrefix, etcdEndpoints: endpoints } = flags;
  const refuse = (why: string, next: string): never => {
    throw new CliError("usage", { what: "Cannot run the agent", why, next });
  };
  if (endpoints !== undefined) {
    if (kubeconfig !== undefined) refuse("--kubeconfig and --etcd-endpoints exclude each other", "give one of them");
    const tls = {
      ca: readPem(flags.etcdCafile),
      certificate: readPem(flags.etcdCertfile),
      key: readPem(flags.etcdKeyfile),
    };
    return { type: "etcd", endpoints, prefix: flags.etcdPrefix, tls };
  }
  if (nodeName !== undefined) return { type: "kubernetes", kubeconfig, annotationPrefix };
  if (kubeconfig === undefined) return undefined;
  return refuse(
    "--kubeconfig is given, but not which node this is",
    "add --node-name with the name of this node's object",
  );
}

function readPem(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = `"${path}" cannot be read: ${cause instanceof Error ? cause.message : cause}`;
    throw new CliError("usage", { what: "Cannot run the agent", why }, { cause });
  }
}

/** What keeps the network from being started, for people. */
export function explainNetwork(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  if (cause.name === "ServiceProxyError") {
    const next = "choose another one with --service-proxy";
    return new CliError("machine", { what: "Cannot run the agent", why: cause.message, next }, { cause });
  }
  if (cause.name !== "NoClusterError" && cause.name !== "KubeconfigError") return cause;
  const next = "give --kubeconfig with a file that names the cluster's server and a user";
  return new CliError("usage", { what: "Cannot run the agent", why: cause.message, next }, { cause });
}

function parseEndpoints(text: string): readonly URL[] {
  const urls = text.split(",").filter((one) => URL.canParse(one));
  const isUsable = urls.length > 0 && urls.length === text.split(",").length;
  const endpoints = urls.map((one) => new URL(one));
  if (isUsable && endpoints.every(({ protocol }) => protocol === "http:" || protocol === "https:")) return endpoints;
  throw new InvalidArgumentError("Write http://HOST:PORT or https://HOST:PORT, more of them behind commas.");
}

function parseEtcdPrefix(text: string): string {
  const prefix = text.replace(/\/+$/, "");
  if (prefix.startsWith("/")) return prefix;
  throw new InvalidArgumentError("Write a path, such as /coreos.com/network.");
}

function parseIp(family: Family): (text: string) => IpAddress {
  return (text) => {
    try {
      const address = parseAddress(text);
      if (familyOf(address) === family) return address;
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
    }
    throw new InvalidArgumentError(`Write an IPv${family} address.`);
  };
}
