/**
 * Tells load balancers by HTTP whether this node has pods of a Service: one server for each health check node port, that
 * answers as kube-proxy does. Source: Kubernetes documentation, "Create an External Load Balancer" (source IP).
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { Log } from "#base/log.ts";
import type { HealthCheck } from "#service/compile-service.ts";

export interface HealthCheckServers extends AsyncDisposable {
  /** All that there should be. */
  set(checks: readonly HealthCheck[]): void;
  /** Ports that cannot be listened on, each as a sentence. */
  problems(): readonly string[];
}

interface Listening {
  readonly server: Server;
  check: HealthCheck;
  problem: string | undefined;
}

/** `isHealthy`: the proxy does what it should. */
export function createHealthCheckServers(deps: {
  readonly isHealthy: () => boolean;
  readonly log: Log;
}): HealthCheckServers {
  const { isHealthy, log } = deps;
  const listening = new Map<number, Listening>();

  function open(check: HealthCheck): Listening {
    const entry: Listening = {
      check,
      problem: undefined,
      server: createServer((_request, response) => answer(response, entry.check, isHealthy())),
    };
    entry.server.on("error", (error) => {
      entry.problem = `health checks of ${ownerOf(entry.check)} on port ${check.port}: ${error.message}`;
      log.error("health check port not served", { port: check.port, error: error.message });
    });
    entry.server.listen(check.port);
    return entry;
  }

  return {
    set(checks) {
      const wanted = new Map<number, HealthCheck>();
      // Two Services with one port cannot both be right: the first by name is.
      for (const check of [...checks].sort(byOwner)) if (!wanted.has(check.port)) wanted.set(check.port, check);
      for (const [port, { server, problem }] of listening) {
        if (wanted.has(port) && problem === undefined) continue;
        listening.delete(port);
        server.close();
        server.closeAllConnections();
      }
      for (const [port, check] of wanted) {
        const known = listening.get(port);
        if (known === undefined) listening.set(port, open(check));
        else known.check = check;
      }
    },
    problems: () => [...listening.values()].flatMap(({ problem }) => problem ?? []),
    async [Symbol.asyncDispose]() {
      const servers = [...listening.values()].map(({ server }) => server);
      listening.clear();
      await Promise.all(
        servers.map(async (server) => {
          if (!server.listening) return;
          server.closeAllConnections();
          await server[Symbol.asyncDispose]();
        }),
      );
    },
  };
}

function answer(response: ServerResponse, check: HealthCheck, isHealthy: boolean): void {
  const { localEndpoints } = check;
  response.writeHead(localEndpoints > 0 && isHealthy ? 200 : 503, {
    "Content-Type": "application/json",
    "X-Content-Type-Options": "nosniff",
    "X-Load-Balancing-Endpoint-Weight": String(localEndpoints),
  });
  response.end(healthCheckText(check, isHealthy));
}

/** As kube-proxy prints it, tabs included. */
export function healthCheckText({ namespace, name, localEndpoints }: HealthCheck, isHealthy: boolean): string {
  return [
    "{",
    '\t"service": {',
    `\t\t"namespace": ${JSON.stringify(namespace)},`,
    `\t\t"name": ${JSON.stringify(name)}`,
    "\t},",
    `\t"localEndpoints": ${localEndpoints},`,
    `\t"serviceProxyHealthy": ${isHealthy}`,
    "}",
  ].join("\n");
}

function ownerOf({ namespace, name }: HealthCheck): string {
  return `${namespace}/${name}`;
}

function byOwner(one: HealthCheck, other: HealthCheck): number {
  return ownerOf(one) < ownerOf(other) ? -1 : 1;
}
