/** A flow as one line: time, node, verdict, who to whom, protocol, and for a drop the policy and its rule. Pure. */
import { formatEnd } from "#agent/observe/describe-flow.ts";
import type { Flow, FlowEnd, FlowEntry, Gap } from "#agent/observe/flow.ts";

export function formatFlow(entry: FlowEntry): string {
  return entry.kind === "gap" ? formatGap(entry) : formatLine(entry);
}

function formatLine(flow: Flow): string {
  const { node, verdict, protocol, source, destination, service, hop } = flow;
  const via = service === undefined ? "" : ` (${service})`;
  const why = verdict === "dropped" ? `  ${describeRule(flow)}` : "";
  const word = verdict === "dropped" ? "DROPPED" : "ALLOWED";
  const where = hop === "" ? "" : `  [${hop}]`;
  return `${time(flow.timeMicros)}  ${node}  ${word}  ${describeEnd(source)} → ${describeEnd(destination)}${via}  ${protocol}${why}${where}`;
}

/** `egress networkpolicy/default/web: isolation`; a rule's id names its policy already. */
export function describeRule({ direction, policies = [], rule = "" }: Flow): string {
  const named = policies.filter((policy) => !rule.startsWith(`${policy} `));
  const policy = named.length === 0 ? "" : ` ${named.join(", ")}:`;
  return `${direction ?? ""}${policy} ${rule}`;
}

function describeEnd({ address, port, pod, node }: FlowEnd): string {
  const name = pod ?? node;
  if (name === undefined) return formatEnd(address, port);
  return port === undefined ? name : `${name}:${port}`;
}

function formatGap({ timeMicros, node, reason, missed }: Gap): string {
  const count = missed === undefined ? "some flows" : `${missed} ${missed === 1 ? "flow" : "flows"}`;
  return `${time(timeMicros)}  ${node}  GAP      ${count} not recorded: ${reason}`;
}

function time(micros: number): string {
  return new Date(micros / 1000).toISOString().slice(11, 23);
}
