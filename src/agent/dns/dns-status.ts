/**
 * What the node's name server says about itself, over a unix socket beside the agent's: `/status` as JSON, `/metrics` for
 * Prometheus. It is a process of its own, so the agent asks it, and says nothing where there is none.
 */
import { rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { json } from "node:stream/consumers";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";

export interface DnsStatus {
  readonly pid: number;
  readonly state: "on" | "off" | "starting";
  /** Why it is off. */
  readonly reason: string | undefined;
  readonly addresses: readonly string[];
  readonly domain: string;
  readonly upstream: readonly string[];
  readonly services: number;
  readonly endpointSlices: number;
  readonly queries: { readonly udp: number; readonly tcp: number };
  readonly responses: Readonly<Record<string, number>>;
  readonly residentBytes: number;
  readonly problems: readonly string[];
}

export interface DnsStatusSource {
  status(): DnsStatus;
  metrics(): string;
}

export async function serveDnsStatus(path: string, source: DnsStatusSource): Promise<AsyncDisposable> {
  rmSync(path, { force: true });
  const server = createServer((asked, response) => {
    if (asked.url === "/metrics") {
      response.setHeader("Content-Type", "text/plain; version=0.0.4");
      response.end(source.metrics());
    } else if (asked.url === "/status") {
      response.setHeader("Content-Type", "application/json");
      response.end(`${JSON.stringify(source.status())}\n`);
    } else response.writeHead(404).end();
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(path, resolve);
  await promise;
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await server[Symbol.asyncDispose]();
      rmSync(path, { force: true });
    },
  };
}

const ANSWER_TIMEOUT_MS = 500;

/** Undefined where no name server of ours runs. */
export async function askDnsStatus(path: string): Promise<JsonObject | undefined> {
  const { promise, resolve } = Promise.withResolvers<JsonObject | undefined>();
  const asked = request(
    // No connection is kept: the next question may be for another process.
    { socketPath: path, path: "/status", agent: false, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) },
    (response) => {
      json(response).then(
        (value) => resolve(isJsonObject(value as JsonValue) ? (value as JsonObject) : undefined), // JSON by its parser
        () => resolve(undefined),
      );
    },
  );
  asked.on("error", () => resolve(undefined));
  asked.end();
  return promise;
}
