/**
 * Any cluster with a kubeconfig as a place to run a policy test, whoever enforces policies there: pods serve TCP with
 * busybox's httpd, and ask with its nc, by exec. Nobody tells of rules, and nobody says when policies are in force: what
 * is not as the model says is asked again for a while, and a deny is an answer that comes without the policies only.
 */
import type { ApiClient } from "#api-client/api-client.ts";
import type { Cluster } from "#api-client/kubeconfig.ts";
import { parseAddress } from "#base/ip-address.ts";
import { createTestModel, flowOf, type TestModel } from "#policy-test/model/test-world.ts";
import { describeEndpoint, type PolicyTest, podId, type TestPod } from "#policy-test/policy-test.ts";
import type { ProbeAnswer } from "#policy-test/probe/probe.ts";
import type { Asked, Places, ProbeWorld } from "#policy-test/probe-world.ts";
import type { Question } from "#policy-test/questions.ts";
import { execScript } from "./exec-script.ts";
import { byFamily } from "./start-cluster-world.ts";
import { startTestObjects, type TestObjects, type TestObjectsDeps } from "./start-test-objects.ts";

export interface RemoteWorldDeps extends Pick<TestObjectsDeps, "image" | "deadlineSeconds" | "nodes"> {
  readonly client: ApiClient;
  readonly cluster: Cluster;
}

/** Seconds until a connection is not answered. */
const SILENCE_SECONDS = 2;
/** How long policies may take to come into force, or out of it. */
const SETTLE_MS = 15_000;

export async function startRemoteWorld(
  test: PolicyTest,
  { cluster, ...deps }: RemoteWorldDeps,
  signal: AbortSignal,
): Promise<ProbeWorld> {
  await using stack = new AsyncDisposableStack();
  const objects = stack.use(await startTestObjects(test, { ...deps, commandOf: (pod) => serve(test, pod) }, signal));
  const places: Places = {
    nodes: deps.nodes.map((name) => ({ name, underlay: {} })),
    pods: Array.from(objects.pods, ([id, { spec, status }]) => ({
      id,
      node: deps.nodes.indexOf(spec.nodeName ?? ""),
      addresses: byFamily((status?.podIPs ?? []).map(({ ip }) => parseAddress(ip))),
    })),
  };
  let model: TestModel | undefined;
  const owned = stack.move();
  return {
    places,
    isComplete: true,
    isSilenceDeny: true,
    async enforce() {
      await objects.createPolicies();
      model = createTestModel(test, test.policies, places);
    },
    async takeAway() {
      await objects.deletePolicies();
      model = createTestModel(test, [], places);
    },
    async ask(questions) {
      const answers = new Map<Question, Asked>();
      const giveUp = AbortSignal.timeout(SETTLE_MS);
      let waiting = questions;
      do {
        const round = await askRound(waiting, { cluster, objects, places }, signal);
        for (const [question, answer] of round) answers.set(question, { answer, proofs: [] });
        waiting = waiting.filter(({ case: one, family }, index) => {
          const isAnswered = round[index]?.[1].kind === "answered";
          return model?.verdict(one, family)?.allowed !== isAnswered;
        });
      } while (waiting.length > 0 && !giveUp.aborted);
      return answers;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A server on each port that the test asks of the pod. */
function serve({ cases }: PolicyTest, pod: TestPod): readonly string[] {
  const asked = cases.filter(({ to }) => to.kind === "pod" && podId(to) === podId(pod)).map(({ port }) => port);
  const ports = [...new Set(asked)].join(" ");
  return ["sh", "-c", `for port in ${ports}; do httpd -p "$port" -h /tmp; done; exec sleep 2147483647`];
}

interface Remote {
  readonly cluster: Cluster;
  readonly objects: TestObjects;
  readonly places: Places;
}

type Answer = readonly [Question, ProbeAnswer];

/** All at once: one script in each pod that asks. In the order of the questions. */
async function askRound(
  questions: readonly Question[],
  { cluster, objects, places }: Remote,
  signal: AbortSignal,
): Promise<readonly Answer[]> {
  const numbered = questions.map((question, index) => ({
    index,
    flow: flowOf(question.case, question.family, places),
  }));
  const bySource = Map.groupBy(numbered, ({ index }) => describeEndpoint(questions[index]?.case.from ?? NOBODY));
  const printed = await Promise.all(
    Array.from(bySource, ([source, asked]) => {
      const { namespace = "", name = "" } = objects.pods.get(source)?.metadata ?? {};
      const lines = asked.map(({ index, flow }) => `ask ${index} ${flow?.destination} ${flow?.port} &`);
      return execScript(cluster, { namespace, name }, [ASK, ...lines, "wait"].join("\n"), signal);
    }),
  );
  const answered = new Set(printed.join("").split("\n").filter(Boolean).map(Number));
  return questions.map((question, index): Answer => {
    const source = numbered[index]?.flow?.source;
    // It is not known which address the target saw.
    const isAnswered = source !== undefined && answered.has(index);
    return [question, isAnswered ? { kind: "answered", seen: source } : { kind: "silent" }];
  });
}

/** Prints the number of a question that is answered. */
const ASK = `ask() {
  if timeout ${SILENCE_SECONDS + 1} nc -w ${SILENCE_SECONDS} "$2" "$3" </dev/null >/dev/null 2>&1; then echo "$1"; fi
}`;
const NOBODY = { kind: "pod", namespace: "", name: "" } as const;
