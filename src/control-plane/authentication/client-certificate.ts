/**
 * Reads the client certificate of a TLS connection. The TLS library checks it against the authority (signature, time,
 * purpose) but lets every client in; who came with a bad one is refused here, with the first request.
 * Source: Kubernetes documentation, "Authenticating", section "X509 client certificates".
 */
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from "node:tls";

export type ClientCertificate =
  | { readonly type: "none" }
  /** Foreign, expired, or made for another purpose; `reason` is OpenSSL's. */
  | { readonly type: "invalid"; readonly reason: string }
  | {
      readonly type: "valid";
      readonly commonName: string;
      readonly organizations: readonly string[];
      /** "X509SHA256=…": tells certificates of one user apart. */
      readonly credentialId: string;
      /** Connections may outlive their certificate. Milliseconds since 1970. */
      readonly expiresAt: number;
    };

type Connection = Pick<TLSSocket, "authorized" | "authorizationError"> & {
  getPeerCertificate(): PeerCertificate | DetailedPeerCertificate;
};

export function clientCertificateOf(connection: Connection): ClientCertificate {
  const certificate = connection.getPeerCertificate();
  // Without a certificate Node gives an empty object.
  if (certificate?.subject === undefined) return { type: "none" };
  if (!connection.authorized) return { type: "invalid", reason: String(connection.authorizationError) };
  // Node gives an array when a name comes several times, which its types do not say.
  const { CN, O } = certificate.subject as { readonly CN?: string | string[]; readonly O?: string | string[] };
  const [commonName = ""] = listOf(CN);
  if (commonName === "") return { type: "invalid", reason: "NO_COMMON_NAME" };
  return {
    type: "valid",
    commonName,
    organizations: listOf(O),
    credentialId: `X509SHA256=${certificate.fingerprint256.replaceAll(":", "").toLowerCase()}`,
    expiresAt: Date.parse(certificate.valid_to),
  };
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}
