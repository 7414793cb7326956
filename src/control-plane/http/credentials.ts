/** What a request brings to show who it is from. Source: Kubernetes documentation, "Authenticating". */
import type { TLSSocket } from "node:tls";
import { ApiError } from "#api/api-error.ts";
import type { Credentials } from "../authentication/authenticator.ts";
import { type ClientCertificate, clientCertificateOf } from "../authentication/client-certificate.ts";
import { type ApiRequest, headerOf } from "./api-message.ts";

/** A connection keeps its certificate: it is read with the first request. */
const certificates = new WeakMap<object, ClientCertificate>();

/** Throws ApiError 401 for a certificate that is foreign, expired or not for clients, when there is no token instead. */
export function credentialsOf(request: ApiRequest, now: Date): Credentials {
  const certificate = certificateOf(request);
  const bearerToken = bearerTokenOf(headerOf(request, "authorization"));
  switch (certificate.type) {
    case "none":
      return { certificate: undefined, bearerToken };
    case "valid":
      if (certificate.expiresAt > now.getTime()) return { certificate, bearerToken };
      break;
    case "invalid":
      break;
    default:
      return certificate satisfies never;
  }
  if (bearerToken === undefined) throw unauthorizedError();
  return { certificate: undefined, bearerToken };
}

export function unauthorizedError(): ApiError {
  return new ApiError({ code: 401, reason: "Unauthorized", message: "Unauthorized" });
}

function certificateOf(request: ApiRequest): ClientCertificate {
  const session = "stream" in request ? request.stream.session : undefined;
  // The connection is gone, and with it whoever could read an answer.
  if ("stream" in request && session === undefined) return { type: "none" };
  const connection: object = session ?? request.socket;
  const known = certificates.get(connection);
  if (known !== undefined) return known;
  // The server speaks TLS only, which the types of both protocols leave open.
  const certificate = clientCertificateOf((session?.socket ?? request.socket) as TLSSocket);
  certificates.set(connection, certificate);
  return certificate;
}

function bearerTokenOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const [scheme = "", token = ""] = header.trim().split(" ", 2);
  // Without a token it is as if there were no header.
  return scheme.toLowerCase() === "bearer" && token !== "" ? token : undefined;
}
