/** `podwire wait` */
import { Command, InvalidArgumentError, Option } from "commander";
import { isApiError } from "#api/api-error.ts";
import { createHttpClient } from "#api-client/http-client.ts";
import { loadKubeconfig } from "#api-client/kubeconfig.ts";
import { clusterPaths } from "#cluster/cluster-paths.ts";
import { CliError } from "../cli-error.ts";
import { clusterStatus, commandSignal, nameOption, requireRoot } from "../cluster/cluster-name.ts";

interface WaitOptions {
  readonly name: string;
  readonly kubeconfig?: string;
  readonly timeout: number;
  readonly output?: "json";
  readonly quiet?: true;
}

type PolicyName = ServiceName;

interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

/** Beyond the wait itself, for the answer that says what is missing. */
const GRACE_SECONDS = 5;
const UP_SECONDS = 10;

export function waitCommand(): Command {
  return new Command("wait")
    .description("Waits until a change is in the kernel of every node.")
    .addCommand(
      new Command("service")
        .description(
          "Waits until every ready node translates a Service as it is now, with the endpoints that it has now. Says which " +
            "nodes are missing when the time is over.",
        )
        .argument("<namespace/name>", "the Service", parseServiceName)
        .addOption(nameOption())
        .option("--kubeconfig <file>", "of another cluster, whose agents are Podwire's")
        .option("--timeout <seconds>", "how long to wait", parseSeconds, 30)
        .addOption(new Option("-o, --output <format>", "print as").choices(["json"]))
        .option("-q, --quiet", "print nothing when it is so")
        .addHelpText(
          "after",
          "\nExample:\n  kubectl expose deployment web --port 80\n  sudo podwire wait service default/web\n" +
            "  podwire wait service default/web --kubeconfig ~/.kube/config --timeout 5",
        )
        .action(waitForService),
    )
    .addCommand(
      new Command("policy")
        .description(
          "Waits until every ready node enforces a NetworkPolicy as it is now. Says which nodes are missing when the time " +
            "is over.",
        )
        .argument("<namespace/name>", "the NetworkPolicy", parseServiceName)
        .addOption(nameOption())
        .option("--kubeconfig <file>", "of another cluster, whose agents are Podwire's")
        .option("--timeout <seconds>", "how long to wait", parseSeconds, 30)
        .addOption(new Option("-o, --output <format>", "print as").choices(["json"]))
        .option("-q, --quiet", "print nothing when it is so")
        .addHelpText("after", "\nExample:\n  kubectl apply -f policy.yaml\n  sudo podwire wait policy default/deny-all")
        .action(waitForPolicyCommand),
    );
}

async function waitForPolicyCommand(policy: PolicyName, options: WaitOptions): Promise<void> {
  const { timeout, output, quiet } = options;
  const path = await kubeconfigOf(options);
  const [{ waitForPolicy }, { NotProgrammedError }] = await Promise.all([
    import("#agent/policy/wait-for-policy.ts"),
    import("#agent/services/wait-until-programmed.ts"),
  ]);
  using client = createHttpClient(loadKubeconfig(path), { userAgent: "podwire-wait" });
  const signal = AbortSignal.any([commandSignal(timeout + GRACE_SECONDS), AbortSignal.timeout(timeout * 1000)]);
  const startedMs = performance.now();
  const text = `${policy.namespace}/${policy.name}`;
  try {
    const found = await waitForPolicy(client, policy, signal);
    const waitedMs = Math.round(performance.now() - startedMs);
    if (output === "json") {
      process.stdout.write(`${JSON.stringify({ version: 1, policy: text, waitedMs, ...found }, undefined, 2)}\n`);
    } else if (!quiet) process.stdout.write(`policy ${text}: on ${found.nodes.length} nodes, ${waitedMs} ms\n`);
  } catch (error) {
    if (signal.reason instanceof CliError && signal.reason.exitCode === 130) throw signal.reason;
    if (isApiError(error, "NotFound")) {
      throw new CliError("usage", { what: `There is no NetworkPolicy ${text}`, next: "see: kubectl get netpol -A" });
    }
    if (!(error instanceof NotProgrammedError)) throw error;
    const evidence = error.missing.map(({ node, reason }) => `${node}: ${reason}`).join("\n");
    throw new CliError(
      "failed",
      {
        what: `NetworkPolicy ${text} is not enforced on every node after ${timeout} s`,
        why: error.message,
        ...(evidence !== "" && { evidence }),
        next: "look on such a node: podwire agent status",
      },
      { cause: error },
    );
  }
}

async function waitForService(service: ServiceName, options: WaitOptions): Promise<void> {
  const { timeout, output, quiet } = options;
  const path = await kubeconfigOf(options);
  const { NotProgrammedError, waitUntilProgrammed } = await import("#agent/services/wait-until-programmed.ts");
  using client = createHttpClient(loadKubeconfig(path), { userAgent: "podwire-wait" });
  const signal = AbortSignal.any([commandSignal(timeout + GRACE_SECONDS), AbortSignal.timeout(timeout * 1000)]);
  const startedMs = performance.now();
  const text = `${service.namespace}/${service.name}`;
  try {
    const found = await waitUntilProgrammed(client, service, signal);
    const waitedMs = Math.round(performance.now() - startedMs);
    if (output === "json") {
      process.stdout.write(`${JSON.stringify({ version: 1, service: text, waitedMs, ...found }, undefined, 2)}\n`);
    } else if (!quiet) {
      const { nodes, endpoints } = found;
      process.stdout.write(`service ${text}: ${endpoints} endpoints on ${nodes.length} nodes, ${waitedMs} ms\n`);
    }
  } catch (error) {
    if (signal.reason instanceof CliError && signal.reason.exitCode === 130) throw signal.reason;
    if (isApiError(error, "NotFound")) {
      throw new CliError("usage", { what: `There is no Service ${text}`, next: "see: kubectl get services -A" });
    }
    if (!(error instanceof NotProgrammedError)) throw error;
    const evidence = error.missing.map(({ node, reason }) => `${node}: ${reason}`).join("\n");
    throw new CliError(
      "failed",
      {
        what: `Service ${text} is not programmed on every node after ${timeout} s`,
        why: error.message,
        ...(evidence !== "" && { evidence }),
        next: "look on such a node: podwire agent status",
      },
      { cause: error },
    );
  }
}

async function kubeconfigOf({ name, kubeconfig }: WaitOptions): Promise<string> {
  if (kubeconfig !== undefined) return kubeconfig;
  requireRoot("Cannot read a cluster's kubeconfig");
  await clusterStatus(name, commandSignal(UP_SECONDS)); // says so when it is not up
  return clusterPaths(name, process.env).kubeconfig;
}

function parseServiceName(text: string): ServiceName {
  const [namespace = "", name = "", ...rest] = text.split("/");
  if (namespace !== "" && name !== "" && rest.length === 0) return { namespace, name };
  throw new InvalidArgumentError("Write NAMESPACE/NAME.");
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text !== "" && seconds > 0 && seconds <= 86_400) return seconds;
  throw new InvalidArgumentError("It must be a number of seconds.");
}
