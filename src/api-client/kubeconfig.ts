/**
 * Where the API server is and who we are: from a kubeconfig, or from what a pod's service account finds in its files.
 * Source: Kubernetes documentation, "Organizing Cluster Access Using kubeconfig Files" and "Accessing the API from a Pod".
 */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { ApiError } from "#api/api-error.ts";
import { isJsonObject, type JsonObject } from "#base/json.ts";

export interface Cluster {
  /** "https://127.0.0.1:6443" */
  readonly server: string;
  /** PEM. */
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly tlsServerName: string | undefined;
  /** Asked for each request: tokens in files are renewed. */
  readonly token: (() => Promise<string>) | undefined;
}

export class KubeconfigError extends Error {
  override readonly name = "KubeconfigError";
  readonly path: string;

  constructor(path: string, why: string, cause?: unknown) {
    super(`Cannot use kubeconfig "${path}": ${why}`, { cause });
    this.path = path;
  }
}

/** Credentials that would silently be left out, were they not refused. */
const UNSUPPORTED = ["exec", "auth-provider", "username", "password", "as", "as-groups", "as-uid"];

/** The cluster and user of the current context, or of the one that is named. */
export function loadKubeconfig(path: string, contextName?: string): Cluster {
  const config = readConfig(path);
  const fail = (why: string): never => {
    throw new KubeconfigError(path, why);
  };
  const wanted = contextName ?? textOf(config["current-context"]) ?? fail("no current-context is set");
  const context = named(config, "contexts", "context", wanted) ?? fail(`there is no context "${wanted}"`);
  const clusterName = textOf(context["cluster"]) ?? fail(`context "${wanted}" names no cluster`);
  const cluster = named(config, "clusters", "cluster", clusterName) ?? fail(`there is no cluster "${clusterName}"`);
  const userName = textOf(context["user"]);
  const user =
    userName === undefined ? {} : (named(config, "users", "user", userName) ?? fail(`there is no user "${userName}"`));
  const server = textOf(cluster["server"]) ?? fail(`cluster "${clusterName}" has no server`);
  if (!URL.canParse(server) || new URL(server).protocol !== "https:") fail(`server "${server}" is no https URL`);
  if (cluster["insecure-skip-tls-verify"] === true) fail("insecure-skip-tls-verify is not supported: set a CA");
  if (cluster["proxy-url"] !== undefined) fail("proxy-url is not supported");
  for (const member of UNSUPPORTED) {
    if (user[member] !== undefined) fail(`user "${userName}" has "${member}", which is not supported`);
  }
  const file = (from: JsonObject, member: string): string | undefined => readMember(from, member, path);
  const token = textOf(user["token"]);
  const tokenFile = textOf(user["tokenFile"]);
  return {
    server,
    ca: file(cluster, "certificate-authority"),
    certificate: file(user, "client-certificate"),
    key: file(user, "client-key"),
    tlsServerName: textOf(cluster["tls-server-name"]),
    token:
      tokenFile !== undefined
        ? readToken(resolve(dirname(path), tokenFile))
        : token === undefined
          ? undefined
          : async () => token,
  };
}

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** undefined outside a pod. */
export function inClusterConfig(
  environment: Readonly<Record<string, string | undefined>>,
  directory = SERVICE_ACCOUNT,
): Cluster | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port || !existsSync(`${directory}/token`)) return undefined;
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    ca: readFileSync(`${directory}/ca.crt`, "utf8"),
    certificate: undefined,
    key: undefined,
    tlsServerName: undefined,
    token: readToken(`${directory}/token`),
  };
}

function readConfig(path: string): JsonObject {
  let value: unknown;
  try {
    const text = readFileSync(path, "utf8");
    // What Podwire writes is JSON. Parsing YAML takes longer than all else that connects us.
    value = text.startsWith("{") ? JSON.parse(text) : parse(text);
  } catch (cause) {
    throw new KubeconfigError(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (!isJsonObject(value)) throw new KubeconfigError(path, "it is not an object");
  return value;
}

/** `{contexts: [{name, context: {…}}]}` */
function named(config: JsonObject, list: string, member: string, name: string): JsonObject | undefined {
  const items = config[list];
  const found = Array.isArray(items) ? items.find((item) => isJsonObject(item) && item["name"] === name) : undefined;
  const value: unknown = isJsonObject(found) ? found[member] : undefined;
  return isJsonObject(value) ? value : undefined;
}

/** `X-data` in base64, or the file that `X` names. */
function readMember(from: JsonObject, member: string, configPath: string): string | undefined {
  const data = textOf(from[`${member}-data`]);
  if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
  const file = textOf(from[member]);
  if (file === undefined) return undefined;
  const path = resolve(dirname(configPath), file);
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new KubeconfigError(configPath, `${member} "${path}" cannot be read`, cause);
  }
}

/** Tokens are renewed long before they expire: reading them this often is enough. */
const TOKEN_FRESH_MS = 10_000;

/** Rejects with ApiError 401 when there is no token. One that was read once stays, should its file be gone. */
function readToken(path: string): () => Promise<string> {
  let token = "";
  let readAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - readAtMs < TOKEN_FRESH_MS) return token;
    try {
      const text = (await readFile(path, "utf8")).trim();
      if (text === "") throw new Error("the file is empty");
      token = text;
      readAtMs = performance.now();
    } catch (cause) {
      if (token === "") throw unauthorizedError(`Cannot read token "${path}": ${String(cause)}`, cause);
    }
    return token;
  };
}

function unauthorizedError(message: string, cause: unknown): ApiError {
  return new ApiError({ code: 401, reason: "Unauthorized", message, cause });
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
