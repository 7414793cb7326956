/** What a demo has found, for people. */
import { formatReport } from "#check/format-report.ts";
import { formatTrace } from "#trace/format-trace.ts";
import { printTable } from "../output/print-table.ts";
import type { DemoReport } from "./run-demo.ts";
import type { ServiceReport } from "./show-service.ts";
import { CLIENT, WEB } from "./workloads.ts";

/** `isKept`: the cluster stays up. */
export function printDemo(report: DemoReport, { isKept }: { readonly isKept: boolean }): string {
  const { pods, check, trace, service } = report;
  const rows = pods.map(({ name, node, ip }) => [name, node, ip]);
  return [
    section("Pods", printTable(["pod", "node", "ip"], rows)),
    section("The network, proven with packets (podwire check network)", formatReport(check, "table")),
    section(`One packet from node to node (podwire trace ${trace.from} ${trace.to})`, formatTrace(trace)),
    ...(service === undefined ? [] : [section("A Service in front of the web servers", printService(service))]),
    section(
      "What to try next",
      (isKept ? nextSteps(report) : ["sudo ./podwire demo    with the cluster left up"]).join("\n"),
    ),
  ].join("\n");
}

function section(title: string, body: string): string {
  return `${title}\n${body.trimEnd().replaceAll(/^(?=.)/gm, "  ")}\n`;
}

function printService({ endpoints, programmedMs, visits, rollingUpdate }: ServiceReport): string {
  const rows = visits.map(({ from, url, answered, why }) => [from, url, answered ? "200 OK" : (why ?? "no answer")]);
  const lines = [
    `${endpoints} endpoints, on every node after ${programmedMs} ms (podwire wait service default/${WEB})`,
    printTable(["from", "url", "answer"], rows).trimEnd(),
  ];
  if (rollingUpdate === undefined) return lines.join("\n");
  const { requests, lost, durationMs, medianMs, p99Ms, reasons } = rollingUpdate;
  const why = Object.entries(reasons).map(([reason, count]) => `, ${count}× ${reason}`);
  const load = `${requests} requests in ${Math.round(durationMs / 1000)} s, median ${medianMs} ms, 99 % within ${p99Ms} ms`;
  return [...lines, `all web servers replaced under load: ${load}, ${lost} lost${why.join("")}`].join("\n");
}

function nextSteps({ status, pods, service }: DemoReport): readonly string[] {
  const { name, kubeconfig, nodes } = status;
  const option = name === "podwire" ? "" : ` --name ${name}`;
  const client = pods.find((pod) => pod.name.startsWith(`${CLIENT}-`));
  const server = pods.find((pod) => pod.name.startsWith(`${WEB}-`) && pod.node !== client?.node);
  return [
    `export KUBECONFIG=${kubeconfig}`,
    "kubectl get pods -o wide",
    `kubectl exec ${client?.name} -- wget -qO- http://${server?.ip}/`,
    ...(service === undefined ? [] : [`kubectl exec ${client?.name} -- wget -qO- http://${service.clusterIP}/`]),
    `sudo ./podwire trace default/${client?.name} outside${option}`,
    `sudo ./podwire node shell ${nodes[0]?.name}${option}    and there: ip route; bridge fdb show dev flannel.1`,
    `sudo ./podwire status${option}`,
    `sudo ./podwire down${option}    take it down; nothing of it stays`,
  ];
}
