import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { credentialsFor, credentialsOf, parseDockerConfig } from "./registry-credentials.ts";

const auth = Buffer.from("user:pass:word").toString("base64");
const credential = (place: string) => ({ place, auth: { username: place } });
const usersFor = (image: string, ...places: readonly string[]) =>
  credentialsFor(image, places.map(credential)).map(({ username }) => username);

suite("parseDockerConfig", () => {
  test("reads both forms, with and without scheme, and passwords that hold colons", () => {
    const config = {
      auths: { "https://registry.example.com/v1/": { auth }, "other:5000": { username: "u", password: "p" } },
    };
    const [first, second] = parseDockerConfig(JSON.stringify(config));
    assert.deepEqual(
      [first?.place, first?.auth.username, first?.auth.password],
      ["registry.example.com", "user", "pass:word"],
    );
    assert.deepEqual([second?.place, second?.auth.username, second?.auth.password], ["other:5000", "u", "p"]);
    assert.equal(parseDockerConfig(JSON.stringify({ "old.example.com": { auth } }))[0]?.place, "old.example.com");
  });

  for (const text of ["", "null", "[]", '"x"', '{"auths":[]}', '{"auths":{"a":7}}']) {
    test(`gives nothing for ${JSON.stringify(text)}`, () => assert.deepEqual(parseDockerConfig(text), []));
  }
});

suite("credentialsOf", () => {
  const data = Buffer.from(JSON.stringify({ auths: { "a.example.com": { auth } } })).toString("base64");
  const secret = (type: string, key: string) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: {},
    type,
    data: { [key]: data },
  });

  test("takes Secrets of both types of Docker's, and no others", () => {
    assert.equal(credentialsOf(secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson")).length, 1);
    assert.equal(credentialsOf(secret("kubernetes.io/dockercfg", ".dockercfg")).length, 1);
    assert.equal(credentialsOf(secret("Opaque", ".dockerconfigjson")).length, 0);
  });
});

suite("credentialsFor", () => {
  for (const [image, places, expected] of [
    ["busybox", ["index.docker.io"], ["index.docker.io"]],
    ["busybox", ["registry.example.com"], []],
    [
      "registry.example.com/team/app",
      ["registry.example.com", "registry.example.com/team"],
      ["registry.example.com/team", "registry.example.com"],
    ],
    ["registry.example.com/teams/app", ["registry.example.com/team"], []],
    ["eu.registry.example.com/app", ["*.registry.example.com"], ["*.registry.example.com"]],
    ["a.b.registry.example.com/app", ["*.registry.example.com"], []],
    ["registry.example.com:5000/app", ["registry.example.com"], []],
    ["Not An Image", ["index.docker.io"], []],
  ] as const) {
    test(`for "${image}" and ${places.join(", ")}`, () => assert.deepEqual(usersFor(image, ...places), expected));
  }
});
