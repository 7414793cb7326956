/** A recipe: policies as YAML, and what must and must not pass with them on the stage. */
import type { Family } from "#base/ip-address.ts";
import type { PolicyWorld } from "../../policy-world.ts";
import type { PolicyProtocol } from "../../rule-model.ts";
import { parsePolicies } from "../parse-policies.ts";
import { stage } from "./stage.ts";

/** Rows of the semantics of NetworkPolicy and ClusterNetworkPolicy that a flow can show. */
export const SEMANTICS = [
  "isolation",
  "union",
  "replies",
  "self",
  "own node",
  "podSelector",
  "policyTypes absent",
  "ingress/egress absent or empty",
  "from/to absent or empty",
  "peer",
  "ipBlock",
  "ports",
  "named port",
  "endPort",
  "other protocols",
  "selectors",
  "hostNetwork pods",
  "lifecycle",
  "recipe",
  "cluster tiers",
  "cluster priority",
  "cluster order",
  "cluster actions",
  "cluster peers",
  "cluster protocols",
] as const;

export interface PolicyRecipe {
  readonly name: string;
  readonly semantics: (typeof SEMANTICS)[number];
  readonly yaml: string;
  readonly world: PolicyWorld;
  readonly cases: readonly RecipeCase[];
}

export interface RecipeCase {
  /** `x/a`, `out/near`, `node/n1`. */
  readonly from: string;
  readonly to: string;
  readonly protocol: PolicyProtocol | "other";
  /** Absent for `other`. */
  readonly port: number | undefined;
  /** Both when absent. */
  readonly family: Family | undefined;
  readonly verdict: "allow" | "deny";
}

export interface RecipeText {
  readonly name: string;
  readonly semantics: PolicyRecipe["semantics"];
  readonly yaml: string;
  /** What is other on the stage. */
  readonly change?: (world: PolicyWorld) => PolicyWorld;
  /** One case for each pair and port: `x/a y/a > x/b: TCP/80 ICMP`; `v4 x/a > x/b: TCP/80` in one family only. */
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

export function recipe({
  name,
  semantics,
  yaml,
  change = (world) => world,
  allow = [],
  deny = [],
}: RecipeText): PolicyRecipe {
  return {
    name,
    semantics,
    yaml,
    world: { ...change(stage), policies: parsePolicies(yaml) },
    cases: [...allow.flatMap((line) => parseCases(line, "allow")), ...deny.flatMap((line) => parseCases(line, "deny"))],
  };
}

const LINE = /^(?:v([46]) )?([^>]+) > ([^:]+): (.+)$/;

function parseCases(line: string, verdict: RecipeCase["verdict"]): readonly RecipeCase[] {
  const [, family, sources, destinations, ports] = LINE.exec(line) ?? [];
  if (sources === undefined || destinations === undefined || ports === undefined) throw new Error(`No cases: ${line}`);
  return sources.split(" ").flatMap((from) =>
    destinations.split(" ").flatMap((to) =>
      ports.split(" ").map(
        (text): RecipeCase => ({
          from,
          to,
          ...parsePort(text),
          family: family === undefined ? undefined : family === "4" ? 4 : 6,
          verdict,
        }),
      ),
    ),
  );
}

function parsePort(text: string): Pick<RecipeCase, "protocol" | "port"> {
  if (text === "ICMP") return { protocol: "other", port: undefined };
  const [protocol, port] = text.split("/");
  if (protocol !== "TCP" && protocol !== "UDP" && protocol !== "SCTP") throw new Error(`No port: ${text}`);
  return { protocol, port: Number(port) };
}
