import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { connect, createServer, type TLSSocket } from "node:tls";
import fc from "fast-check";
import { readAuthorityNames } from "./certificate-der.ts";
import { readElements } from "./der.ts";
import { type CertificateRequest, type Issuer, type KeyPair, signCertificate } from "./sign-certificate.ts";

const HOUR_MS = 3_600_000;
const VALIDITY = { notBefore: new Date("2026-03-01T00:00:00Z"), notAfter: new Date("2027-03-01T00:00:00Z") };

const AUTHORITY: CertificateRequest = { ...VALIDITY, commonName: "kubernetes", usage: "authority" };
const CLIENT: CertificateRequest = { ...VALIDITY, commonName: "system:node:a", usage: "client" };

const issuerOf = ({ certificate, key }: KeyPair): Issuer => ({ certificate, key: createPrivateKey(key) });

test("signCertificate makes an authority that signs itself and others", () => {
  const pair = signCertificate(AUTHORITY, undefined);
  const authority = new X509Certificate(pair.certificate);
  assert.equal(authority.ca, true);
  assert.ok(authority.checkIssued(authority));
  assert.ok(authority.verify(authority.publicKey));
  assert.ok(authority.checkPrivateKey(createPrivateKey(pair.key)));
  const issued = new X509Certificate(signCertificate(CLIENT, issuerOf(pair)).certificate);
  assert.equal(issued.ca, false);
  assert.ok(issued.checkIssued(authority));
  assert.ok(issued.verify(authority.publicKey));
  assert.equal(issued.verify(issued.publicKey), false);
  assert.equal(issued.issuer, "CN=kubernetes");
  const again = new X509Certificate(signCertificate(CLIENT, issuerOf(pair)).certificate);
  assert.notEqual(again.serialNumber, issued.serialNumber);
});

test("signCertificate keeps every name, in UTF-8", () => {
  const authority = issuerOf(signCertificate({ ...AUTHORITY, commonName: "Behörde Straßburg" }, undefined));
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(name, fc.array(name, { maxLength: 3 }), (commonName, organizations) => {
      const { certificate } = signCertificate({ ...CLIENT, commonName, organizations }, authority);
      const subject = readSubject(new X509Certificate(certificate).raw);
      assert.deepEqual(subject, [["550403", commonName], ...organizations.map((one) => ["55040a", one])]);
    }),
    { numRuns: 50 },
  );
  const { certificate } = signCertificate(
    { ...CLIENT, commonName: "Zoë 日本", organizations: ["system:masters", "Grüße"] },
    authority,
  );
  const { subject, issuer } = new X509Certificate(certificate).toLegacyObject();
  assert.deepEqual({ ...subject }, { CN: "Zoë 日本", O: ["system:masters", "Grüße"] });
  assert.deepEqual({ ...issuer }, { CN: "Behörde Straßburg" });
});

test("signCertificate names servers by DNS names and addresses of both families", () => {
  const serverNames = ["worker-1", "*.pods.example", "kubernetes.default.svc", "10.96.0.1", "fd00::a:1", "::1", "42"];
  const { certificate } = signCertificate({ ...CLIENT, usage: "server", serverNames }, undefined);
  const server = new X509Certificate(certificate);
  assert.equal(
    server.subjectAltName,
    "DNS:worker-1, DNS:*.pods.example, DNS:kubernetes.default.svc, IP Address:10.96.0.1, " +
      "IP Address:FD00:0:0:0:0:0:A:1, IP Address:0:0:0:0:0:0:0:1, DNS:42",
  );
  for (const name of ["worker-1", "a.pods.example", "kubernetes.default.svc", "42"]) assert.ok(server.checkHost(name));
  for (const address of ["10.96.0.1", "fd00::a:1", "::1"]) assert.ok(server.checkIP(address), address);
  assert.equal(server.checkHost("a.b.pods.example"), undefined);
  assert.equal(server.checkIP("10.96.0.2"), undefined);
  assert.equal(new X509Certificate(signCertificate(CLIENT, undefined).certificate).subjectAltName, undefined);
});

test("signCertificate refuses server names that no client could look for", () => {
  for (const name of ["", "ü.example", "a b", "fe80::1%eth0", "https://a"]) {
    const request = { ...CLIENT, usage: "server", serverNames: ["worker-1", name] } as const;
    assert.throws(() => signCertificate(request, undefined), /^Error: Cannot make a certificate for server name/, name);
  }
});

test("signCertificate writes the times it is given, to the second", () => {
  for (const [from, to] of [
    ["2026-03-01T12:34:56.789Z", "2049-12-31T23:59:59.000Z"],
    ["1999-12-31T23:59:59.000Z", "2050-01-01T00:00:00.000Z"],
    ["2050-01-01T00:00:00.000Z", "2199-06-01T01:02:03.000Z"],
  ] as const) {
    const request = { ...CLIENT, notBefore: new Date(from), notAfter: new Date(to) };
    const { validFromDate, validToDate } = new X509Certificate(signCertificate(request, undefined).certificate);
    assert.equal(validFromDate.toISOString(), from.replace(".789", ".000"));
    assert.equal(validToDate.toISOString(), to);
  }
});

test("signCertificate writes the purposes of each usage", () => {
  const [server, client] = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
  const expected: Readonly<Record<CertificateRequest["usage"], readonly unknown[]>> = {
    authority: [true, undefined],
    server: [false, [server]],
    client: [false, [client]],
    serverAndClient: [false, [server, client]],
  };
  for (const usage of ["authority", "server", "client", "serverAndClient"] as const) {
    const certificate = new X509Certificate(signCertificate({ ...CLIENT, usage }, undefined).certificate);
    // Extended purposes, in spite of the name.
    assert.deepEqual([certificate.ca, certificate.keyUsage], expected[usage], usage);
  }
});

test("signCertificate refuses an authority whose key is not ECDSA P-256", () => {
  const { certificate } = signCertificate(AUTHORITY, undefined);
  for (const [kind, key] of [
    ["rsa", generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey],
    ["ed25519", generateKeyPairSync("ed25519").privateKey],
    ["secp384r1", generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey],
  ] as const) {
    const expected = new RegExp(
      `^Error: Cannot sign with the certificate authority "CN=kubernetes": its key is ${kind}`,
    );
    assert.throws(() => signCertificate(CLIENT, { certificate, key }), expected);
  }
});

const OPENSSL = spawnSync("openssl", ["version"]).status === 0 || process.env["CI"] === "true";

test("certificates pass openssl's strict checks, each for its purpose only", {
  skip: OPENSSL ? false : "no openssl",
}, async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "openssl-"));
  const now = Date.now();
  const validity = { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + HOUR_MS) };
  const far = { ...validity, notAfter: new Date("2126-01-01T00:00:00Z") };
  const authority = signCertificate({ ...AUTHORITY, ...far, organizations: ["Grüße"] }, undefined);
  const stranger = signCertificate({ ...AUTHORITY, ...far, organizations: ["Grüße"] }, undefined);
  const path = (name: string): string => join(folder.path, `${name}.crt`);
  await writeFile(path("ca"), authority.certificate);
  await writeFile(path("stranger"), stranger.certificate);
  const serverNames = ["worker-1.example", "10.0.0.1", "fd00::1"];
  for (const usage of ["server", "client", "serverAndClient"] as const) {
    const request = { ...CLIENT, ...validity, usage, organizations: ["日本"], serverNames };
    await writeFile(path(usage), signCertificate(request, issuerOf(authority)).certificate);
  }
  const verify = (certificate: string, ...more: readonly string[]): boolean =>
    spawnSync("openssl", ["verify", "-x509_strict", "-check_ss_sig", "-CAfile", ...more, path(certificate)]).status ===
    0;
  const ca = path("ca");
  assert.deepEqual(
    ["server", "client", "serverAndClient"].map((usage) =>
      ["sslserver", "sslclient"].map((purpose) => verify(usage, ca, "-purpose", purpose)),
    ),
    [
      [true, false],
      [false, true],
      [true, true],
    ],
  );
  assert.ok(verify("ca", ca));
  assert.ok(!verify("server", path("stranger")));
  for (const name of ["worker-1.example", "worker-2.example"]) {
    assert.equal(verify("server", ca, "-verify_hostname", name), name === "worker-1.example");
  }
  for (const address of ["10.0.0.1", "fd00::1", "10.0.0.2", "fd00::2"]) {
    assert.equal(verify("server", ca, "-verify_ip", address), address.endsWith("1"), address);
  }
});

/** Both ends of a TLS connection within the process; the client asks for `host`. Gives what the server learns. */
async function handshake(authority: KeyPair, server: KeyPair, client: KeyPair, host: string) {
  const [near, far] = duplexPair();
  const listener = createServer({
    key: server.key,
    cert: server.certificate,
    ca: authority.certificate,
    requestCert: true,
    // The verdict is in the socket.
    rejectUnauthorized: false,
  });
  const accepted = new Promise<TLSSocket>((resolve) => listener.on("secureConnection", resolve));
  listener.emit("connection", far);
  const socket = connect({ socket: near, host, ca: authority.certificate, key: client.key, cert: client.certificate });
  try {
    const [user] = await Promise.all([accepted, once(socket, "secureConnect")]);
    return { subject: { ...user.getPeerCertificate().subject }, verdict: user.authorizationError };
  } finally {
    socket.destroy();
  }
}

test("certificates open TLS connections, for the names of the server and users of the authority only", async () => {
  const now = Date.now();
  const validity = { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + HOUR_MS) };
  const authority = signCertificate({ ...AUTHORITY, ...validity }, undefined);
  const stranger = signCertificate({ ...AUTHORITY, ...validity }, undefined);
  const serverNames = ["worker-1.example", "10.0.0.1", "fd00::1"];
  const server = signCertificate({ ...CLIENT, ...validity, usage: "server", serverNames }, issuerOf(authority));
  const user = { ...CLIENT, ...validity, commonName: "Zoë", organizations: ["system:masters", "Grüße"] };
  const client = signCertificate(user, issuerOf(authority));
  for (const host of serverNames) {
    const { subject } = await handshake(authority, server, client, host);
    assert.deepEqual(subject, { CN: "Zoë", O: ["system:masters", "Grüße"] });
  }
  for (const host of ["worker-2.example", "10.0.0.2", "fd00::2"]) {
    await assert.rejects(handshake(authority, server, client, host), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  }
  const foreign = signCertificate(user, issuerOf(stranger));
  const verdicts = [];
  for (const pair of [client, foreign, server]) {
    verdicts.push((await handshake(authority, server, pair, "10.0.0.1")).verdict);
  }
  // The foreign authority has the same name: its key identifier tells.
  assert.deepEqual(verdicts, [null, "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "INVALID_PURPOSE"]);
});

/** Object identifiers, in hexadecimal, and texts. */
function readSubject(certificate: Buffer): readonly (readonly [string, string])[] {
  return readElements(readElements(readAuthorityNames(certificate).subject)[0]?.content ?? Buffer.alloc(0)).map(
    (set) => {
      const [pair] = readElements(set.content);
      const [type, text] = readElements(pair?.content ?? Buffer.alloc(0));
      return [type?.content.toString("hex") ?? "", text?.content.toString("utf8") ?? ""];
    },
  );
}
