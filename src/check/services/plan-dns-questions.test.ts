import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { type SampleEndpoint, sampleService, sampleSlice } from "#service/testing/sample-service.ts";
import { judgeDnsAnswer, planDnsQuestions } from "./plan-dns-questions.ts";

const NAME = "web.default.svc.cluster.local";

function questions(spec: JsonObject, endpoints: readonly SampleEndpoint[] = []): readonly string[] {
  const objects = {
    ...{ services: [sampleService(spec)], slices: [sampleSlice(endpoints)], nodes: [] },
    ...{ restricted: new Set<string>(), hasClusterPolicies: false },
  };
  return planDnsQuestions(objects, "cluster.local").map(
    ({ name, type, expected }) => `${name} ${type} ${expected.join("+")}`,
  );
}

test("planDnsQuestions asks for clusterIPs and named ports, endpoints of headless Services, and aliases", () => {
  assert.deepEqual(questions({ ports: [{ name: "http", port: 80 }] }), [
    `${NAME} A 10.96.0.1`,
    `${NAME} AAAA `,
    `_http._tcp.${NAME} SRV 80 ${NAME}`,
  ]);
  const endpoints: readonly SampleEndpoint[] = [
    { address: "10.0.0.1" },
    { address: "10.0.0.2", state: "unready" },
    { address: "10.0.0.3" },
  ];
  const headless = { clusterIP: "None", clusterIPs: ["None"] };
  assert.deepEqual(questions(headless, endpoints), [`${NAME} A 10.0.0.1+10.0.0.3`, `${NAME} AAAA `]);
  assert.equal(
    questions({ ...headless, publishNotReadyAddresses: true }, endpoints)[0],
    `${NAME} A 10.0.0.1+10.0.0.2+10.0.0.3`,
  );
});

test("judgeDnsAnswer names what is missing, what is too much, and why there is no answer", () => {
  const question = { service: "default/web", name: NAME, type: "A", expected: ["10.0.0.1", "10.0.0.2"] } as const;
  const judge = (records: readonly string[], isTruncated = false, failure?: string) =>
    judgeDnsAnswer(question, { records, isTruncated, failure });
  assert.equal(judge(["10.0.0.2", "10.0.0.1"]), undefined);
  assert.equal(judge(["10.0.0.2"], true), undefined);
  assert.match(judge(["10.0.0.2"]) ?? "", /the answer lacks 10\.0\.0\.1; it has 10\.0\.0\.2/);
  assert.match(judge([], true) ?? "", /lacks 10\.0\.0\.1, 10\.0\.0\.2; it has nothing/);
  assert.match(judge(["10.0.0.9", "10.0.0.1"]) ?? "", /10\.0\.0\.9 is not in the API/);
  assert.match(judge([], false, "no answer") ?? "", /A: no answer/);
});
