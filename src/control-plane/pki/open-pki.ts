/**
 * The cluster's certificates: an authority, the API server's own, its client certificate for kubelets, the
 * administrator's, and the key that signs service account tokens. Made at the first start, kept in a folder, made anew
 * when they end soon or when the server is reached by other names. Everybody else's are signed on demand.
 * Source: Kubernetes documentation, "PKI certificates and requirements"; names of files as kubeadm has them.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { isAddress, parseAddress } from "#base/ip-address.ts";
import {
  ensurePrivateDirectory,
  parseCertificate,
  readKeyPair,
  readTextFile,
  writeKeyPair,
  writePrivateFile,
} from "./key-pair-files.ts";
import { type CertificateRequest, type Issuer, type KeyPair, signCertificate } from "./sign-certificate.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const AUTHORITY_DAYS = 3650;
const CERTIFICATE_DAYS = 365;
/** A certificate that ends within this time is made anew at start. */
const RENEW_DAYS = 60;
/** Clocks of other machines may be late. */
const CLOCK_SKEW_MS = 5 * 60 * 1000;

export interface ClientName {
  /** "system:node:worker-1" */
  readonly commonName: string;
  readonly organizations: readonly string[];
}

export interface Pki {
  /** PEM: what signs all the others. */
  readonly certificateAuthority: string;
  readonly server: KeyPair;
  /** system:masters: may do everything. */
  readonly admin: KeyPair;
  /** What the API server shows to kubelets. */
  readonly kubeletClient: KeyPair;
  readonly serviceAccountKey: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  /** A certificate for a client, not kept: kubelets, controllers, people. */
  issueClient(client: ClientName): Promise<KeyPair>;
  /** A certificate for a server that the API server connects to, such as a kubelet; not kept. */
  issueServing(server: ClientName & { readonly serverNames: readonly string[] }): Promise<KeyPair>;
}

export interface PkiOptions {
  readonly directory: string;
  /** Names and addresses that clients reach the API server by. */
  readonly serverNames: readonly string[];
  readonly now: () => Date;
}

export async function openPki({ directory, serverNames, now }: PkiOptions): Promise<Pki> {
  await ensurePrivateDirectory(directory);
  const authority = await ensureAuthority(directory, now());
  const issuer: Issuer = { certificate: authority.certificate, key: createPrivateKey(authority.key) };
  const issue = (request: Omit<CertificateRequest, "notBefore" | "notAfter">): KeyPair =>
    signCertificate({ ...request, ...validity(now(), CERTIFICATE_DAYS) }, issuer);
  const ensure = async (
    name: string,
    request: Omit<CertificateRequest, "notBefore" | "notAfter">,
  ): Promise<KeyPair> => {
    const kept = await readKeyPair(directory, name);
    if (kept !== undefined && isUsable(kept, issuer, request.serverNames ?? [], now())) return kept;
    const pair = issue(request);
    await writeKeyPair(directory, name, pair);
    return pair;
  };
  const [server, admin, kubeletClient, serviceAccountKey] = await Promise.all([
    ensure("apiserver", { commonName: "kube-apiserver", usage: "server", serverNames }),
    ensure("admin", { commonName: "kubernetes-admin", organizations: ["system:masters"], usage: "client" }),
    ensure("apiserver-kubelet-client", {
      commonName: "kube-apiserver-kubelet-client",
      organizations: ["system:masters"],
      usage: "client",
    }),
    ensureServiceAccountKey(directory),
  ]);
  return {
    certificateAuthority: authority.certificate,
    server,
    admin,
    kubeletClient,
    serviceAccountKey,
    issueClient: async (client) => issue({ ...client, usage: "client" }),
    issueServing: async (request) => issue({ ...request, usage: "server" }),
  };
}

function validity(now: Date, days: number) {
  return {
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + days * DAY_MS),
  };
}

/** A damaged authority is an error: to replace it would cut off everybody who trusts it. */
async function ensureAuthority(directory: string, now: Date): Promise<KeyPair> {
  const kept = await readKeyPair(directory, "ca");
  if (kept === undefined) {
    const pair = signCertificate(
      { commonName: "kubernetes", usage: "authority", ...validity(now, AUTHORITY_DAYS) },
      undefined,
    );
    await writeKeyPair(directory, "ca", pair);
    return pair;
  }
  if (!isPair(kept)) {
    const path = JSON.stringify(join(directory, "ca.crt"));
    throw new Error(
      `Cannot use the certificate authority ${path}: it is damaged or is not of ca.key; restore both or remove both`,
    );
  }
  return kept;
}

async function ensureServiceAccountKey(directory: string): Promise<Pki["serviceAccountKey"]> {
  const path = join(directory, "sa.key");
  const kept = await readTextFile(path);
  const privateKey =
    kept === undefined ? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey : createPrivateKey(kept);
  if (kept === undefined) await writePrivateFile(path, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

/** Whether it is of this authority, lasts long enough and covers the names. */
function isUsable(pair: KeyPair, issuer: Issuer, serverNames: readonly string[], now: Date): boolean {
  if (!isPair(pair)) return false;
  const certificate = new X509Certificate(pair.certificate);
  return (
    certificate.validToDate.getTime() - now.getTime() > RENEW_DAYS * DAY_MS &&
    certificate.validFromDate.getTime() <= now.getTime() &&
    certificate.verify(createPublicKey(issuer.certificate)) &&
    serverNames.every((name) => covers(certificate, name))
  );
}

function isPair({ certificate, key }: KeyPair): boolean {
  try {
    return parseCertificate(certificate)?.checkPrivateKey(createPrivateKey(key)) ?? false;
  } catch {
    // The key's file is no key.
    return false;
  }
}

function covers(certificate: X509Certificate, name: string): boolean {
  const match = isAddress(name)
    ? certificate.checkIP(parseAddress(name))
    : certificate.checkHost(name, { subject: "never" });
  return match !== undefined;
}
