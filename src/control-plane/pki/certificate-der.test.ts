import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeError } from "#base/codec/codec.ts";
import { encodeCertificateBody, encodeName, keyIdentifier, readAuthorityNames } from "./certificate-der.ts";

/**
 * PrintableStrings, a country, and a key identifier that is no hash of the key. OpenSSL 3.0: `openssl req -x509` with
 * string_mask=default, the name C=DE, O=Example, CN=kube-ca and subjectKeyIdentifier=0102…14.
 */
const FOREIGN = `-----BEGIN CERTIFICATE-----
MIIBpzCCAU6gAwIBAgIUQQ+up8UrQZSfjxSXBcpaDFGS75QwCgYIKoZIzj0EAwIw
MTELMAkGA1UEBhMCREUxEDAOBgNVBAoTB0V4YW1wbGUxEDAOBgNVBAMTB2t1YmUt
Y2EwIBcNMjYxMTIyMDExMzIwWhgPMjEyNjEwMjkwMTEzMjBaMDExCzAJBgNVBAYT
AkRFMRAwDgYDVQQKEwdFeGFtcGxlMRAwDgYDVQQDEwdrdWJlLWNhMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEaq31w/K0hw+I9jO3d22wZGmAwz1XIF4JiaFnl9rP
ZFshvcvG3bAtoeke5RO9J7XpEpjgSmUIA+CtpltuneMZjaNCMEAwDwYDVR0TAQH/
BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQwHQYDVR0OBBYEFAECAwQFBgcICQoLDA0O
DxAREhMUMAoGCCqGSM49BAMCA0cAMEQCIBZnql0rdg6nBcDy88DqE4QohOWycqpJ
WHUb7Y+fuT5lAiB5AUgYvdUswUtycYeDSHRCSRzlGZrRzCPs3hhOowFC+w==
-----END CERTIFICATE-----
`;

/** Version 1, so without extensions: `openssl x509 -req -signkey` without an extension file. */
const VERSION_1 = `-----BEGIN CERTIFICATE-----
MIIBIDCBxwIUccqBjkzYbnOyqjAob7IfbWBKLQcwCgYIKoZIzj0EAwIwEjEQMA4G
A1UEAxMHa3ViZS1jYTAgFw0yNjExMjIwMTEzMjBaGA8yMTI2MTAyOTAxMTMyMFow
EjEQMA4GA1UEAxMHa3ViZS1jYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABN8I
+fs3Rv+EHuVTxzlDV3y5tzLqqzGoDIz3+V9yH3qsQu1+grmVhz29Z859ILFIoGi3
gMttJeRvAIs9NCcA7/4wCgYIKoZIzj0EAwIDSAAwRQIhAIJAx7USD/z7mj0UnFJ+
j4NBn1U9JjOx4434IGqk1xLjAiA67hvlnj945OBqv/e5b6MB3EOvdBBgQNaLV/SH
bLhEbA==
-----END CERTIFICATE-----
`;

/** Made by @peculiar/x509 2.2.0, as DER in base64. */
const GOLDEN = {
  authority: {
    serial: "1183f9e5b98a012fc73f8adc38c7da6c",
    publicKey:
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEgbf+YFGXMbPSQ7QmPuAngHFy2vYNl77+VBsl2NNOtjemnID8EsX5euLnSzhnfrLq" +
      "hi37srq+WJmEA8JwmFfY3Q==",
    body:
      "MIIBDqADAgECAhARg/nluYoBL8c/itw4x9psMAoGCCqGSM49BAMCMBMxETAPBgNVBAMMCEJlaMO2cmRlMCAXDTI2MDMwMTEyMzQ1" +
      "NloYDzIwNTAwMTAxMDAwMDAwWjATMREwDwYDVQQDDAhCZWjDtnJkZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIG3/mBRlzGz" +
      "0kO0Jj7gJ4Bxctr2DZe+/lQbJdjTTrY3ppyA/BLF+Xri50s4Z36y6oYt+7K6vliZhAPCcJhX2N2jQjBAMA8GA1UdEwEB/wQFMAMB" +
      "Af8wDgYDVR0PAQH/BAQDAgGGMB0GA1UdDgQWBBSue12Uqj8ytv7at96ixgJdorQt4Q==",
  },
  node: {
    serial: "1f6e603d0399a2f00550a7b652164686",
    publicKey:
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEy+2zNf+Y+z5f0xNF8Ksx4A+XiAQG4Ok/yW8RgM2zJj97RzfvD0qdIG1QYT74oWNx" +
      "2p0fsE9uLkxJroG8ZShFmQ==",
    body:
      "MIIBiKADAgECAhAfbmA9A5mi8AVQp7ZSFkaGMAoGCCqGSM49BAMCMBMxETAPBgNVBAMMCEJlaMO2cmRlMCAXDTI2MDMwMTEyMzQ1" +
      "NloYDzIwNTAwMTAxMDAwMDAwWjAhMQ0wCwYDVQQDDARab8OrMRAwDgYDVQQKDAdHcsO8w59lMFkwEwYHKoZIzj0CAQYIKoZIzj0D" +
      "AQcDQgAEy+2zNf+Y+z5f0xNF8Ksx4A+XiAQG4Ok/yW8RgM2zJj97RzfvD0qdIG1QYT74oWNx2p0fsE9uLkxJroG8ZShFmaOBrTCB" +
      "qjAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQEAwIHgDAdBgNVHSUEFjAUBggrBgEFBQcDAQYIKwYBBQUHAwIwHQYDVR0OBBYEFPta" +
      "ny9PGJHmWpNPqVKzz6Gtdw9pMB8GA1UdIwQYMBaAFK57XZSqPzK2/tq33qLGAl2itC3hMCsGA1UdEQQkMCKCCHdvcmtlci0xhwQK" +
      "AAABhxD9AAAAAAAAAAAAAAAAAAAB",
  },
};

test("encodeCertificateBody writes what another implementation does", () => {
  const { authority, node } = GOLDEN;
  const issuer = encodeName("Behörde", []);
  const authorityKey = Buffer.from(authority.publicKey, "base64");
  const shared = {
    issuer,
    notBefore: new Date("2026-03-01T12:34:56Z"),
    notAfter: new Date("2050-01-01T00:00:00Z"),
  };
  const authorityBody = encodeCertificateBody({
    ...shared,
    serialNumber: Buffer.from(authority.serial, "hex"),
    subject: issuer,
    publicKey: authorityKey,
    usage: "authority",
    serverNames: [],
    authorityKeyIdentifier: undefined,
  });
  assert.equal(authorityBody.toString("base64"), authority.body);
  const nodeBody = encodeCertificateBody({
    ...shared,
    serialNumber: Buffer.from(node.serial, "hex"),
    subject: encodeName("Zoë", ["Grüße"]),
    publicKey: Buffer.from(node.publicKey, "base64"),
    usage: "serverAndClient",
    serverNames: ["worker-1", "10.0.0.1", "fd00::1"],
    authorityKeyIdentifier: keyIdentifier(authorityKey),
  });
  assert.equal(nodeBody.toString("base64"), node.body);
});

test("readAuthorityNames copies name and key identifier of an authority that others made", () => {
  const names = readAuthorityNames(new X509Certificate(FOREIGN).raw);
  assert.equal(
    names.subject.toString("hex"),
    "3031310b30090603550406130244453110300e060355040a13074578616d706c653110300e060355040313076b7562652d6361",
  );
  assert.equal(names.keyIdentifier.toString("hex"), "0102030405060708090a0b0c0d0e0f1011121314");
});

test("readAuthorityNames names the key by its hash when the certificate does not", () => {
  const names = readAuthorityNames(new X509Certificate(VERSION_1).raw);
  assert.equal(names.subject.toString("hex"), "30123110300e060355040313076b7562652d6361");
  // `openssl x509 -noout -pubkey | openssl ec -pubin -outform DER | tail -c 65 | sha1sum`
  assert.equal(names.keyIdentifier.toString("hex"), "2e4427512ad2763ff55a0967f98ce9a868fe1fce");
});

test("readAuthorityNames throws nothing but DecodeError", () => {
  const raw = new X509Certificate(FOREIGN).raw;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(raw.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }), (changes) => {
      const damaged = Buffer.from(raw);
      for (const [at, byte] of changes) damaged[at] = byte;
      try {
        readAuthorityNames(damaged);
      } catch (error) {
        assert.ok(error instanceof DecodeError);
      }
    }),
    { numRuns: 2000 },
  );
});

test("keyIdentifier refuses what is no public key", () => {
  for (const hex of ["", "3000", "30020500", "300405000500", "300205000500"]) {
    assert.throws(() => keyIdentifier(Buffer.from(hex, "hex")), DecodeError, hex);
  }
});

test("encodeName writes the common name first, each attribute in a set of its own, as UTF8String", () => {
  assert.equal(
    encodeName("ä", ["x", "y"]).toString("hex"),
    "3025310b300906035504030c02c3a4310a3008060355040a0c0178310a3008060355040a0c0179",
  );
});
