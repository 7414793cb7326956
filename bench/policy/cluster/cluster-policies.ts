/**
 * Policies of the benchmark's cluster. Servers are isolated; one policy allows the client to one of their ports, or not,
 * and is what changes; another one asks for a label of the client's. All others are there to be many: each selects one of
 * the pods that fill the nodes, and has a peer of its own. Pure.
 */
import type { NetworkPolicy } from "#api/kinds/network-policy.ts";

export const NAMESPACE = "default";
export const FILLERS_PER_NODE = 20;
export const NODES = 3;
export const POLICY_PORT = 9001;
export const LABEL_PORT = 9002;
const OTHER_PORT = 9003;
const FILLERS = NODES * FILLERS_PER_NODE;
/** Labels of the client, with which it may talk to LABEL_PORT. */
export const FRIEND = { friend: "yes" } as const;

type Spec = NonNullable<NetworkPolicy["spec"]>;
const SERVERS = { matchLabels: { app: "server" } } as const;
const CLIENT = { podSelector: { matchLabels: { app: "client" } } } as const;

function policy(name: string, spec: Spec) {
  return { metadata: { namespace: NAMESPACE, name }, spec } as const;
}

export const ISOLATE = policy("isolate", { podSelector: SERVERS, policyTypes: ["Ingress"] });
export const ALLOW_FRIENDS = policy("allow-friends", {
  podSelector: SERVERS,
  policyTypes: ["Ingress"],
  ingress: [{ from: [{ podSelector: { matchLabels: FRIEND } }], ports: [{ protocol: "UDP", port: LABEL_PORT }] }],
});

/** The one that changes. */
export const CHANGED = "changed";
export function changedPolicy(isOpen: boolean) {
  const port = isOpen ? POLICY_PORT : OTHER_PORT;
  const ingress = [{ from: [CLIENT], ports: [{ protocol: "UDP", port }] }] as const;
  return policy(CHANGED, { podSelector: SERVERS, policyTypes: ["Ingress"], ingress });
}

export function fillerLabels(number: number): Readonly<Record<string, string>> {
  return { app: `filler-${number % FILLERS}` };
}

export function fillerPolicyName(number: number): string {
  return `filler-${number}`;
}

export function fillerPolicy(number: number) {
  return policy(fillerPolicyName(number), {
    podSelector: { matchLabels: fillerLabels(number) },
    policyTypes: ["Ingress"],
    ingress: [
      {
        from: [{ podSelector: { matchLabels: { peer: `peer-${number}` } } }],
        ports: [{ protocol: "TCP", port: 8080 }],
      },
    ],
  });
}

/** Labels of pods that start under default deny. */
export const STARTS_GUARDED = { app: "starting", guarded: "yes" } as const;

export function startPolicies(port: number) {
  const podSelector = { matchLabels: STARTS_GUARDED };
  const ingress = [{ from: [CLIENT], ports: [{ protocol: "UDP", port }] }] as const;
  return [
    policy("start-deny", { podSelector, policyTypes: ["Ingress", "Egress"] }),
    policy("start-allow", { podSelector, policyTypes: ["Ingress"], ingress }),
  ] as const;
}
