/**
 * Signs certificates with @peculiar/x509, which is loaded at the first signature only: it takes tens of milliseconds,
 * and a server that starts again with its old certificates needs none of it. Keys are ECDSA P-256.
 * Source: RFC 5280; Kubernetes documentation, "PKI certificates and requirements".
 */
import { generateKeyPairSync, type KeyObject, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import type { X509Certificate } from "@peculiar/x509";

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** Who it is: the user's name, for clients. */
  readonly commonName: string;
  /** The user's groups. */
  readonly organizations?: readonly string[];
  readonly usage: "authority" | "server" | "client" | "serverAndClient";
  /** Names and addresses that a server answers to. */
  readonly serverNames?: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Who signs: undefined for a certificate that signs itself. */
export interface Issuer {
  /** PEM. */
  readonly certificate: string;
  readonly key: KeyObject;
}

const SIGNATURE = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export async function signCertificate(request: CertificateRequest, issuer: Issuer | undefined): Promise<KeyPair> {
  // The library's decorators need the Reflect API when it is loaded.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = [
    { CN: [request.commonName] },
    ...(request.organizations ?? []).map((organization) => ({ O: [organization] })),
  ];
  const signer = issuer?.key ?? privateKey;
  const authority = issuer === undefined ? undefined : parsedOnce(x509, issuer);
  const subjectKey = publicKey.toCryptoKey(SIGNATURE, true, ["verify"]);
  const names = (request.serverNames ?? []).map(
    (value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }) as const,
  );
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject,
      issuer: authority?.subjectName ?? subject,
      notBefore: request.notBefore,
      notAfter: request.notAfter,
      signingAlgorithm: SIGNATURE,
      publicKey: subjectKey,
      signingKey: signer.toCryptoKey(SIGNATURE, true, ["sign"]),
      extensions: [
        ...usageExtensions(x509, request.usage),
        await x509.SubjectKeyIdentifierExtension.create(subjectKey, false, webcrypto),
        ...(authority === undefined
          ? []
          : [await x509.AuthorityKeyIdentifierExtension.create(authority, false, webcrypto)]),
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      ],
    },
    webcrypto,
  );
  return {
    certificate: `${certificate.toString("pem")}\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** Parsing takes the library milliseconds, and one authority signs several certificates at the first start. */
const parsed = new WeakMap<Issuer, X509Certificate>();

function parsedOnce(x509: typeof import("@peculiar/x509"), issuer: Issuer): X509Certificate {
  const known = parsed.get(issuer) ?? new x509.X509Certificate(issuer.certificate);
  parsed.set(issuer, known);
  return known;
}

function usageExtensions(x509: typeof import("@peculiar/x509"), usage: CertificateRequest["usage"]) {
  const { keyCertSign, cRLSign, digitalSignature } = x509.KeyUsageFlags;
  if (usage === "authority") {
    return [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign | digitalSignature, true),
    ];
  }
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const purposes = { server: [serverAuth], client: [clientAuth], serverAndClient: [serverAuth, clientAuth] }[usage];
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(purposes, false),
  ];
}

/** 16 random bytes, hexadecimal; the first bit is 0, since serial numbers are positive. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString("hex");
}
