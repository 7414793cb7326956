/**
 * The CNI_ variables that a plugin is called with: which verb needs which, and which values are refused.
 * A malformed value is reported before a missing one. Source: CNI SPEC 1.1.0 "Parameters"; texts, order and the
 * need for CNI_PATH (which the spec calls optional) as in libcni's skel.
 */
import { CniError } from "./cni-error.ts";
import { checkContainerId, checkInterfaceName } from "./names.ts";

export const VERBS = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"] as const;

export type Verb = (typeof VERBS)[number];

export type Environment = Readonly<Record<string, string>>;

interface Variable {
  readonly name: string;
  readonly requiredBy: readonly Verb[];
  readonly check?: (value: string) => void;
}

const VARIABLES: readonly Variable[] = [
  { name: "CNI_COMMAND", requiredBy: VERBS },
  { name: "CNI_CONTAINERID", requiredBy: ["ADD", "CHECK", "DEL"], check: checkContainerId },
  { name: "CNI_NETNS", requiredBy: ["ADD", "CHECK"] },
  { name: "CNI_IFNAME", requiredBy: ["ADD", "CHECK", "DEL"], check: checkInterfaceName },
  { name: "CNI_PATH", requiredBy: ["ADD", "CHECK", "DEL", "GC", "STATUS"] },
];

/** The verb; undefined for a word that is none, which the caller may report only after it has read stdin. */
export function checkEnvironment(environment: Environment): Verb | undefined {
  const command = environment["CNI_COMMAND"] ?? "";
  const verb = VERBS.find((one) => one === command);
  const missing: string[] = [];
  for (const { name, requiredBy, check } of VARIABLES) {
    if (verb === undefined ? name !== "CNI_COMMAND" : !requiredBy.includes(verb)) continue;
    const value = environment[name] ?? "";
    if (value === "") missing.push(name);
    else check?.(value);
  }
  if (missing.length > 0) {
    throw new CniError("invalidEnvironment", `required env variables [${missing.join(",")}] missing`);
  }
  return verb;
}

/** CNI_NETNS_OVERRIDE allows the plugin and the container to share a network namespace. */
export function allowsSameNetns(environment: Environment): boolean {
  const override = environment["CNI_NETNS_OVERRIDE"] ?? "";
  return override === "1" || override.toUpperCase() === "TRUE";
}
