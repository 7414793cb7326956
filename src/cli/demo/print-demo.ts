/** What a demo has found, for people. */
import { formatReport } from "#check/format-report.ts";
import { formatTrace } from "#trace/format-trace.ts";
import { printTable } from "../output/print-table.ts";
import type { DemoReport } from "./run-demo.ts";
import { CLIENT, WEB } from "./workloads.ts";

/** `isKept`: the cluster stays up. */
export function printDemo(report: DemoReport, { isKept }: { readonly isKept: boolean }): string {
  const { pods, check, trace } = report;
  const rows = pods.map(({ name, node, ip }) => [name, node, ip]);
  return [
    section("Pods", printTable(["pod", "node", "ip"], rows)),
    section("The network, proven with packets (podwire check network)", formatReport(check, "table")),
    section(`One packet from node to node (podwire trace ${trace.from} ${trace.to})`, formatTrace(trace)),
    section(
      "What to try next",
      (isKept ? nextSteps(report) : ["sudo ./podwire demo    with the cluster left up"]).join("\n"),
    ),
  ].join("\n");
}

function section(title: string, body: string): string {
  return `${title}\n${body.trimEnd().replaceAll(/^(?=.)/gm, "  ")}\n`;
}

function nextSteps({ status, pods }: DemoReport): readonly string[] {
  const { name, kubeconfig, nodes } = status;
  const option = name === "podwire" ? "" : ` --name ${name}`;
  const client = pods.find((pod) => pod.name.startsWith(`${CLIENT}-`));
  const server = pods.find((pod) => pod.name.startsWith(`${WEB}-`) && pod.node !== client?.node);
  return [
    `export KUBECONFIG=${kubeconfig}`,
    "kubectl get pods -o wide",
    `kubectl exec ${client?.name} -- wget -qO- http://${server?.ip}/`,
    `sudo ./podwire trace default/${client?.name} outside${option}`,
    `sudo ./podwire node shell ${nodes[0]?.name}${option}    and there: ip route; bridge fdb show dev flannel.1`,
    `sudo ./podwire status${option}`,
    `sudo ./podwire down${option}    take it down; nothing of it stays`,
  ];
}
