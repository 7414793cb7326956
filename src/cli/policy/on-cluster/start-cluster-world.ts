/**
 * A running cluster of this machine as a place to run a policy test: its API gets the test's objects, its agents enforce
 * the policies, and the questions are asked from inside the pods, whose namespaces are here; so the kernel names the rule
 * that dropped a packet, as in the sandbox.
 */
import { waitForPolicies } from "#agent/policy/wait-for-policy.ts";
import { NotProgrammedError } from "#agent/services/wait-until-programmed.ts";
import type { PolicyRevisions } from "#api/programmed/policy-answer.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import { familyOf, type IpAddress } from "#base/ip-address.ts";
import type { PerFamily } from "#dataplane/contract.ts";
import { openNetns } from "#kernel/netns/netns.ts";
import type { PolicyTest } from "#policy-test/policy-test.ts";
import { PolicyTestError } from "#policy-test/policy-test-error.ts";
import { createNetnsAsker } from "#policy-test/probe/ask-in-netns.ts";
import type { ProbeWorld } from "#policy-test/probe-world.ts";
import type { ClusterAccess } from "#trace/cluster-access.ts";
import { startTestObjects, type TestObjectsDeps } from "./start-test-objects.ts";

export interface ClusterWorldDeps extends Pick<TestObjectsDeps, "image" | "deadlineSeconds"> {
  readonly client: ApiClient;
  readonly access: ClusterAccess;
}

export async function startClusterWorld(
  test: PolicyTest,
  { access, ...deps }: ClusterWorldDeps,
  signal: AbortSignal,
): Promise<ProbeWorld> {
  const { client } = deps;
  await using stack = new AsyncDisposableStack();
  const running = access.nodes.flatMap(({ name, netnsPath }) => (netnsPath === undefined ? [] : [name]));
  // They wait: who asks and answers are sockets of this process in their namespaces.
  const commandOf = () => ["sleep", "2147483647"];
  const objects = stack.use(await startTestObjects(test, { ...deps, nodes: running, commandOf }, signal));
  const now = (await access.again?.("pods", signal)) ?? access;
  const nodes = now.nodes.flatMap(({ name, netnsPath, underlayAddresses }) =>
    netnsPath === undefined
      ? []
      : [{ name, netns: stack.use(openNetns(netnsPath)), underlay: byFamily(underlayAddresses) }],
  );
  const places = Array.from(objects.pods, ([id, { metadata }]) => {
    const place = now.pods.find(({ uid }) => uid === metadata.uid);
    if (place?.netnsPath === undefined) throw new PolicyTestError("machine", `Pod ${id} has no network namespace here`);
    const node = nodes.findIndex(({ name }) => name === place.node);
    return { id, node, netns: stack.use(openNetns(place.netnsPath)), addresses: byFamily(place.ips) };
  });
  const world = { nodes, pods: new Map(places.map((pod) => [pod.id, pod])), places: { nodes, pods: places } };
  const asker = stack.use(createNetnsAsker(test, { ...world, outside: undefined, reasonOf: objects.nameOf }));
  const programmed = async (versions: Promise<PolicyRevisions>): Promise<void> => {
    await waitForPolicies(client, await versions, signal).catch(explain);
  };
  const owned = stack.move();
  return {
    places: world.places,
    enforce: () => programmed(objects.createPolicies()),
    takeAway: () => programmed(objects.deletePolicies()),
    ask: asker.ask,
    get isComplete() {
      return asker.isComplete;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function explain(error: unknown): never {
  if (!(error instanceof NotProgrammedError)) throw error;
  const missing = error.missing.map(({ node, reason }) => `${node}: ${reason}`).join("; ");
  throw new PolicyTestError("machine", `The cluster's nodes do not have the policies in time: ${missing}`, {
    next: "see podwire agent status on such a node; a cluster that was started with --policy none enforces none",
    cause: error,
  });
}

/** The first of each. */
export function byFamily(addresses: readonly IpAddress[]): PerFamily<IpAddress> {
  return Object.fromEntries(addresses.map((address) => [familyOf(address), address]).reverse());
}
