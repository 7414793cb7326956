/**
 * Makes a key and signs a certificate for it. Keys are ECDSA P-256, the authority's as well.
 * Source: RFC 5280; Kubernetes documentation, "PKI certificates and requirements".
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import {
  type CertificateUsage,
  encodeCertificate,
  encodeCertificateBody,
  encodeName,
  readAuthorityNames,
} from "./certificate-der.ts";

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
  readonly usage: CertificateUsage;
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

export function signCertificate(request: CertificateRequest, issuer: Issuer | undefined): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = encodeName(request.commonName, request.organizations ?? []);
  const authority = issuer === undefined ? undefined : readAuthorityNames(parseIssuer(issuer).raw);
  const body = encodeCertificateBody({
    serialNumber: randomBytes(16),
    issuer: authority?.subject ?? subject,
    subject,
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    publicKey: publicKey.export({ type: "spki", format: "der" }),
    usage: request.usage,
    serverNames: request.serverNames ?? [],
    authorityKeyIdentifier: authority?.keyIdentifier,
  });
  const certificate = encodeCertificate(body, sign("sha256", body, issuer?.key ?? privateKey));
  return { certificate: pem(certificate), key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

/** The signature's algorithm is written into the certificate, so no other key can sign. */
function parseIssuer({ certificate, key }: Issuer): X509Certificate {
  const parsed = new X509Certificate(certificate);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === "prime256v1") return parsed;
  throw new Error(
    `Cannot sign with the certificate authority ${JSON.stringify(parsed.subject)}: its key is ${curve ?? key.asymmetricKeyType}, not ECDSA P-256; use an authority with such a key`,
  );
}

function pem(certificate: Buffer): string {
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
