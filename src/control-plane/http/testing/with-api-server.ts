/** An API server on a free port for the time of a test, and a small HTTP client for it. */
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Kind } from "#api/kind.ts";
import { kinds } from "#api/kinds.ts";
import type { Log } from "#base/log.ts";
import { createAuthenticator } from "../../authentication/create-authenticator.ts";
import { createServiceAccountTokens, type ServiceAccountTokens } from "../../authentication/service-account-tokens.ts";
import type { Authorizer } from "../../authorization/authorizer.ts";
import { openPki, type Pki } from "../../pki/open-pki.ts";
import type { KeyPair } from "../../pki/sign-certificate.ts";
import { createKindRegistry } from "../../resources/kind-registry.ts";
import type { ResourceApi } from "../../resources/resource-api.ts";
import { type ApiServer, type ApiServerOptions, startApiServer } from "../start-api-server.ts";
import { createMemoryResourceApi, type MemoryResourceApi } from "./memory-resource-api.ts";

export interface TestServer {
  readonly server: ApiServer;
  readonly pki: Pki;
  readonly pkiDirectory: string;
  readonly tokens: ServiceAccountTokens;
  readonly resourceApi: MemoryResourceApi;
  readonly port: number;
  /** As the administrator over HTTP/1.1, unless options say otherwise. */
  ask(method: string, path: string, options?: AskOptions): Promise<Reply>;
  /** Resolves with the first byte of the answer's head. */
  open(method: string, path: string, options?: AskOptions): Promise<IncomingMessage>;
}

export interface AskOptions {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  /** undefined: none. */
  readonly credentials?: { readonly pair: KeyPair | undefined };
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** What the tests look into is JSON of their own making. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  readonly json: any;
}

/** system:masters may everything, "jane" may only read config maps, others nothing. */
const AUTHORIZER: Authorizer = {
  authorize(request) {
    const { user } = request;
    if (user.groups.includes("system:masters")) return { isAllowed: true, reason: "" };
    const isRead = request.type === "resource" && ["get", "list", "watch"].includes(request.verb);
    return { isAllowed: user.name === "jane" && isRead && request.resource === "configmaps", reason: "" };
  },
};

const SILENT: Log = { info: () => undefined, error: () => undefined };

export interface TestServerOptions {
  readonly resourceApi?: ResourceApi;
  readonly kinds?: readonly Kind[];
  readonly overrides?: Partial<ApiServerOptions>;
}

export async function withApiServer(body: (server: TestServer) => Promise<void>, options: TestServerOptions = {}) {
  const directory = await mkdtemp(join(tmpdir(), "api-server-"));
  try {
    const pkiDirectory = join(directory, "pki");
    const pki = await openPki({ directory: pkiDirectory, serverNames: ["127.0.0.1"], now: () => new Date() });
    const memory = createMemoryResourceApi();
    const tokens = createServiceAccountTokens({
      keys: pki.serviceAccountKey,
      lookup: { findUid: async () => "u1" },
      now: () => new Date(),
    });
    await using server = await startApiServer({
      listen: { host: "127.0.0.1", port: 0 },
      pki,
      registry: createKindRegistry(options.kinds ?? kinds),
      resourceApi: options.resourceApi ?? memory,
      authenticator: createAuthenticator({ serviceAccountTokens: tokens, staticTokens: [] }),
      authorizer: AUTHORIZER,
      healthChecks: [],
      podwireVersion: "0.0.0",
      log: SILENT,
      now: () => new Date(),
      random: Math.random,
      ...options.overrides,
    });
    const open = (method: string, path: string, ask: AskOptions = {}): Promise<IncomingMessage> =>
      openRequest(server.port, pki, method, path, ask);
    await body({
      server,
      pki,
      pkiDirectory,
      tokens,
      resourceApi: memory,
      port: server.port,
      open,
      ask: async (method, path, ask) => await readReply(await open(method, path, ask)),
    });
  } finally {
    await rm(directory, { recursive: true });
  }
}

function openRequest(port: number, pki: Pki, method: string, path: string, options: AskOptions) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { pair } = options.credentials ?? { pair: pki.admin };
  const request = httpsRequest({
    host: "127.0.0.1",
    port,
    method,
    path,
    agent: false,
    ca: pki.certificateAuthority,
    ...(pair !== undefined && { cert: pair.certificate, key: pair.key }),
    headers: {
      // Node leaves it out for DELETE.
      ...(options.body !== undefined && { "content-length": Buffer.byteLength(options.body) }),
      ...options.headers,
    },
  });
  request.on("response", resolve);
  request.on("error", reject);
  request.end(options.body);
  return promise;
}

export async function readReply(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const isJson = (response.headers["content-type"] ?? "").startsWith("application/json") && text !== "";
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: isJson && response.headers["content-encoding"] === undefined ? JSON.parse(text) : undefined,
  };
}
