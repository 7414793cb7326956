import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { BoundObject, TokenIssueRequest } from "../resources/token-issuer.ts";
import type { Credentials } from "./authenticator.ts";
import { ANONYMOUS, createAuthenticator } from "./create-authenticator.ts";
import { keyIdOf, signToken, verifyToken } from "./json-web-token.ts";
import { createServiceAccountTokens, SERVICE_ACCOUNT_ISSUER } from "./service-account-tokens.ts";

const START = Date.parse("2026-03-01T12:00:00Z");
const NO_SIGNAL = new AbortController().signal;
const AUDIENCES = [SERVICE_ACCOUNT_ISSUER];

function build() {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const objects = new Map([
    ["serviceaccounts/default/web", "u1"],
    ["pods/default/web-0", "u2"],
    ["nodes//n1", "u3"],
  ]);
  const clock = { now: START };
  const tokens = createServiceAccountTokens({
    keys,
    lookup: {
      findUid: async (resource, namespace = "", name) => objects.get(`${resource}/${namespace}/${name}`),
    },
    now: () => new Date(clock.now),
  });
  const issue = (request: Partial<TokenIssueRequest> = {}) =>
    tokens.issue({
      serviceAccount: { namespace: "default", name: "web", uid: "u1" },
      audiences: [],
      expirationSeconds: 600,
      ...request,
    });
  return { keys, objects, clock, tokens, issue };
}

test("createServiceAccountTokens gives the account's user, groups and bound objects", async () => {
  const { tokens, issue } = build();
  const issued = issue({ boundObject: { kind: "Pod", name: "web-0", uid: "u2" } });
  assert.equal(issued.expirationTimestamp, "2026-03-01T12:10:00Z");
  const outcome = await tokens.review(issued.token, AUDIENCES, NO_SIGNAL);
  const { extra, ...user } = outcome?.user ?? { name: "" };
  assert.deepEqual(user, {
    name: "system:serviceaccount:default:web",
    uid: "u1",
    groups: ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
  });
  assert.deepEqual(extra?.["authentication.kubernetes.io/pod-name"], ["web-0"]);
  assert.deepEqual(extra?.["authentication.kubernetes.io/pod-uid"], ["u2"]);
});

const bound = (kind: BoundObject["kind"], name: string, uid: string): Partial<TokenIssueRequest> => ({
  boundObject: { kind, name, uid },
});

for (const [title, request, break_] of [
  ["has expired", {}, ({ clock }) => (clock.now += 600_000)],
  ["is not valid yet", {}, ({ clock }) => (clock.now -= 2_000)],
  ["is for others", { audiences: ["vault"] }, () => undefined],
  ["is of a deleted account", {}, ({ objects }) => objects.delete("serviceaccounts/default/web")],
  ["is of an account made again", {}, ({ objects }) => objects.set("serviceaccounts/default/web", "u9")],
  ["is bound to a deleted pod", bound("Pod", "web-0", "u2"), ({ objects }) => objects.delete("pods/default/web-0")],
  ["is bound to a pod made again", bound("Pod", "web-0", "u8"), () => undefined],
  ["is bound to a deleted node", bound("Node", "n1", "u3"), ({ objects }) => objects.delete("nodes//n1")],
] as const satisfies readonly (readonly [
  string,
  Partial<TokenIssueRequest>,
  (context: ReturnType<typeof build>) => unknown,
])[]) {
  test(`createServiceAccountTokens refuses a token that ${title}`, async () => {
    const context = build();
    const { token } = context.issue(request);
    const isForUs = request !== undefined && !("audiences" in request);
    const before = await context.tokens.review(token, AUDIENCES, NO_SIGNAL);
    if (isForUs && title !== "is bound to a pod made again") assert.notEqual(before, undefined);
    break_(context);
    assert.equal(await context.tokens.review(token, AUDIENCES, NO_SIGNAL), undefined);
  });
}

test("verifyToken refuses changed tokens, other keys and other algorithms", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keyId = keyIdOf(publicKey);
  const keys = new Map([[keyId, publicKey]]);
  const token = signToken({ sub: "a" }, { privateKey, keyId });
  assert.deepEqual(verifyToken(token, keys), { sub: "a" });
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
  assert.equal(verifyToken(signToken({ sub: "a" }, { privateKey: other.privateKey, keyId }), keys), undefined);
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  for (const alg of ["none", "HS256", "RS256"]) {
    const text = `${encode({ alg, kid: keyId })}.${encode({ sub: "a" })}`;
    const signature = sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" });
    assert.equal(verifyToken(`${text}.${signature.toString("base64url")}`, keys), undefined, alg);
    assert.equal(verifyToken(`${text}.`, keys), undefined, alg);
  }
  const [header, , signature] = token.split(".");
  assert.equal(verifyToken(`${header}.${encode({ sub: "b" })}.${signature}`, keys), undefined);
  fc.assert(fc.property(fc.string(), (text) => verifyToken(text, keys) === undefined));
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom(..."Aa0-_."), (at, letter) => {
      const changed = token.slice(0, at) + letter + token.slice(at + 1);
      // The last character of a part may carry bits that mean nothing.
      const isSame = changed === token || /^(\.|$)/.test(token.slice(at + 1, at + 2));
      return isSame || verifyToken(changed, keys) === undefined;
    }),
  );
});

test("createAuthenticator knows certificates, static tokens, account tokens and anonymous", async () => {
  const { tokens, issue } = build();
  const authenticator = createAuthenticator({
    serviceAccountTokens: tokens,
    staticTokens: [{ token: "join-me", user: { name: "joiner", groups: ["nodes"] } }],
  });
  const authenticate = (bearerToken?: string, certificate?: Credentials["certificate"]) =>
    authenticator.authenticate({ certificate, bearerToken }, NO_SIGNAL);
  const admin = { commonName: "admin", organizations: ["system:masters"], credentialId: "X509SHA256=0a" };
  assert.deepEqual(await authenticate(), ANONYMOUS);
  assert.deepEqual(await authenticate("x", admin), {
    name: "admin",
    groups: ["system:masters", "system:authenticated"],
    extra: { "authentication.kubernetes.io/credential-id": ["X509SHA256=0a"] },
  });
  assert.deepEqual(await authenticate("join-me"), { name: "joiner", groups: ["nodes", "system:authenticated"] });
  assert.equal((await authenticate(issue().token))?.name, "system:serviceaccount:default:web");
  assert.equal(await authenticate("join-you"), undefined);
  assert.equal(await authenticate(""), undefined);
});

test("keyIdOf names a key the same, whatever it was made from", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  assert.equal(keyIdOf(createPublicKey(privateKey)), keyIdOf(publicKey));
});
