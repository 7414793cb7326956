/** Who comes without credentials, or with wrong ones: what they are told, and that nobody else notices. */
import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  createServiceAccountTokens,
  SERVICE_ACCOUNT_ISSUER,
} from "#control-plane/authentication/service-account-tokens.ts";
import {
  type CertificateRequest,
  type Issuer,
  type KeyPair,
  signCertificate,
} from "#control-plane/pki/sign-certificate.ts";
import { type ApiCaller, createApiCaller, type Reply } from "./api-caller.ts";
import { createHttp2Caller } from "./http2-caller.ts";
import { createPlaneFolder, type PlaneFolder } from "./plane.ts";
import type { PlaneProcess } from "./start-process.ts";
import { MAPS } from "./write-load.ts";

const HOUR_MS = 3_600_000;

let folder: PlaneFolder;
let plane: PlaneProcess;
let admin: ApiCaller;
let authority: Issuer;

before(async () => {
  folder = await createPlaneFolder();
  plane = await folder.start({ port: 0 });
  admin = folder.callerOf(plane.port, 4);
  const file = (name: string) => readFileSync(join(folder.path, "data/pki", name), "utf8");
  authority = { certificate: file("ca.crt"), key: createPrivateKey(file("ca.key")) };
});

after(async () => {
  admin[Symbol.dispose]();
  await plane[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Credentials {
  readonly pair?: KeyPair;
  /** The whole header. */
  readonly authorization?: string;
}

/** Asked over HTTP/1.1 and over HTTP/2: both must answer alike. */
async function ask({ pair, authorization }: Credentials, path = MAPS): Promise<Pick<Reply, "status" | "json">> {
  const target = { port: plane.port, authority: folder.pki.certificateAuthority, pair };
  const headers = { ...(authorization !== undefined && { authorization }) };
  using caller = createApiCaller(target);
  const { status, json } = await caller.call("GET", path, { headers });
  using http2 = createHttp2Caller(target);
  const other = await http2.send({ method: "GET", path, headers, body: undefined, leaves: undefined });
  assert.deepEqual({ status: other.status, json: JSON.parse(other.text) }, { status, json });
  return { status, json };
}

async function assertServes(): Promise<void> {
  assert.equal((await admin.call("GET", MAPS)).status, 200);
  assert.equal(plane.ending(), undefined);
  assert.deepEqual(plane.errors, []);
}

const UNAUTHORIZED = {
  status: 401,
  json: {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "Unauthorized",
    reason: "Unauthorized",
    code: 401,
  },
};

function forbidden(user: string) {
  const message = `configmaps is forbidden: User "${user}" cannot list resource "configmaps" in API group "" in the namespace "default"`;
  return {
    status: 403,
    json: { ...UNAUTHORIZED.json, message, reason: "Forbidden", details: { kind: "configmaps" }, code: 403 },
  };
}

async function certificate(changes: Partial<CertificateRequest>, issuer: Issuer | undefined = authority) {
  const now = Date.now();
  return await signCertificate(
    {
      commonName: "kubernetes-admin",
      organizations: ["system:masters"],
      usage: "client",
      notBefore: new Date(now - HOUR_MS),
      notAfter: new Date(now + HOUR_MS),
      ...changes,
    },
    issuer,
  );
}

async function foreignAuthority(): Promise<Issuer> {
  // With the name of the real one.
  const { certificate: text, key } = await certificate({ commonName: "kubernetes", usage: "authority" }, undefined);
  return { certificate: text, key: createPrivateKey(key) };
}

const at = (offsetMs: number): Date => new Date(Date.now() + offsetMs);

const certificates: Readonly<Record<string, () => Promise<KeyPair>>> = {
  "that has expired": () => certificate({ notBefore: at(-2 * HOUR_MS), notAfter: at(-1000) }),
  "that is not valid yet": () => certificate({ notBefore: at(HOUR_MS), notAfter: at(2 * HOUR_MS) }),
  "of a foreign authority of the same name": async () => certificate({}, await foreignAuthority()),
  "that signs itself": async () => {
    const { certificate: text, key } = await certificate({ usage: "serverAndClient" });
    return certificate({}, { certificate: text, key: createPrivateKey(key) });
  },
  "for servers": () => certificate({ usage: "server", serverNames: ["127.0.0.1"] }),
  "without a name": () => certificate({ commonName: "" }),
};

for (const [what, make] of Object.entries(certificates)) {
  test(`a certificate ${what} is 401, and no way in for a token's owner is closed by it`, async () => {
    const pair = await make();
    assert.deepEqual(await ask({ pair }), UNAUTHORIZED);
    assert.deepEqual(await ask({ pair, authorization: "Bearer wrong" }), UNAUTHORIZED);
    assert.deepEqual(await ask({ pair, authorization: "Bearer reader" }), forbidden("jane"));
    await assertServes();
  });
}

test("who has no credentials is anonymous: may ask how the server is, and nothing else", async () => {
  for (const credentials of [
    {},
    ...["Bearer ", "Basic YWRtaW46YWRtaW4=", "reader"].map((authorization) => ({ authorization })),
  ]) {
    assert.deepEqual(await ask(credentials), forbidden("system:anonymous"));
  }
  assert.equal((await ask({}, "/version")).status, 200);
  assert.equal((await ask({}, "/apis")).status, 403);
  await assertServes();
});

interface TokenChanges {
  readonly keys?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly audiences?: readonly string[];
  readonly issuedMs?: number;
  readonly uid?: string;
}

/** Of the default service account, as the server itself would make it. */
async function token({ keys, audiences = [], issuedMs = 0, uid }: TokenChanges = {}): Promise<string> {
  const path = "/api/v1/namespaces/default/serviceaccounts";
  const created = await admin.call("POST", path, { body: JSON.stringify({ metadata: { name: "web" } }) });
  const account = created.status === 201 ? created : await admin.call("GET", `${path}/web`);
  const tokens = createServiceAccountTokens({
    keys: keys ?? folder.pki.serviceAccountKey,
    lookup: { findUid: async () => undefined },
    now: () => at(issuedMs),
  });
  const serviceAccount = { namespace: "default", name: "web", uid: uid ?? account.json.metadata.uid };
  return tokens.issue({ serviceAccount, audiences, expirationSeconds: 600 }).token;
}

test("the token of a service account is its user", async () => {
  const user = "system:serviceaccount:default:web";
  assert.deepEqual(await ask({ authorization: `Bearer ${await token()}` }), forbidden(user));
  const all = await token({ audiences: ["other", SERVICE_ACCOUNT_ISSUER] });
  assert.deepEqual(await ask({ authorization: `bearer ${all}` }), forbidden(user));
});

const edited = (text: string, part: number, edit: (claims: object) => object): string =>
  text
    .split(".")
    .map((piece, index) => {
      if (index !== part) return piece;
      return Buffer.from(JSON.stringify(edit(JSON.parse(Buffer.from(piece, "base64url").toString())))).toString(
        "base64url",
      );
    })
    .join(".");

const tokens: Readonly<Record<string, () => Promise<string>>> = {
  "that nobody knows": async () => "foreign",
  "that has expired": () => token({ issuedMs: -HOUR_MS }),
  "that is not valid yet": () => token({ issuedMs: HOUR_MS }),
  "for another audience": () => token({ audiences: ["https://vault.example.com"] }),
  "that another cluster signed": () => token({ keys: generateKeyPairSync("ec", { namedCurve: "P-256" }) }),
  "of an account that was made anew since": () => token({ uid: "00000000-0000-0000-0000-000000000000" }),
  "whose claims were changed": async () => edited(await token(), 1, (claims) => ({ ...claims, sub: "admin" })),
  "that says that it needs no signature": async () =>
    edited(await token(), 0, (head) => ({ ...head, alg: "none" })).replace(/[^.]+$/, ""),
  "that says that its signature is made with the public key": async () =>
    edited(await token(), 0, (head) => ({ ...head, alg: "HS256" })),
  "without its signature": async () => (await token()).replace(/\.[^.]+$/, ""),
  "of 15,000 characters": async () => `${await token()}${"x".repeat(14_000)}`,
};

for (const [what, make] of Object.entries(tokens)) {
  test(`a token ${what} is 401`, async () => {
    assert.deepEqual(await ask({ authorization: `Bearer ${await make()}` }), UNAUTHORIZED);
    await assertServes();
  });
}

test("a certificate that expires while its connection stands ends with its time", async () => {
  const pair = await certificate({ notAfter: at(3_000) });
  const target = { port: plane.port, authority: folder.pki.certificateAuthority, pair };
  using http2 = createHttp2Caller(target);
  const get = async () =>
    (await http2.send({ method: "GET", path: MAPS, headers: {}, body: undefined, leaves: undefined })).status;
  assert.equal(await get(), 200);
  const deadline = AbortSignal.timeout(60_000);
  let status = 200;
  while (status === 200 && !deadline.aborted) status = await get();
  assert.equal(status, 401);
});
