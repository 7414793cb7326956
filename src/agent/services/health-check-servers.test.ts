import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { createHealthCheckServers, healthCheckText } from "./health-check-servers.ts";

const SILENT = { info: () => undefined, error: () => undefined };

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0);
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address === "object" ? address.port : assert.fail();
}

test("createHealthCheckServers answers 200 with local endpoints, 503 without, and stops with the Service", async () => {
  const port = await freePort();
  await using servers = createHealthCheckServers({ isHealthy: () => true, log: SILENT });
  const check = { namespace: "default", name: "web", port, localEndpoints: 2 };
  const ask = () => fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
  servers.set([check]);
  const answer = await ask();
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("x-load-balancing-endpoint-weight"), "2");
  assert.deepEqual(await answer.json(), {
    service: { namespace: "default", name: "web" },
    localEndpoints: 2,
    serviceProxyHealthy: true,
  });
  servers.set([{ ...check, localEndpoints: 0 }]);
  assert.equal((await ask()).status, 503);
  servers.set([]);
  await assert.rejects(ask);
});

test("healthCheckText is what kube-proxy prints", () => {
  const check = { namespace: "default", name: "web", port: 1, localEndpoints: 1 };
  assert.equal(
    healthCheckText(check, false),
    '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 1,\n\t"serviceProxyHealthy": false\n}',
  );
});
