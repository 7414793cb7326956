import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { createEtcdGateway, EtcdError } from "./etcd-gateway.ts";

type Answer = (response: ServerResponse, asked: { readonly path: string; readonly body: unknown }) => void;

async function withServer(answer: Answer, body: (endpoint: URL) => Promise<void>): Promise<void> {
  const server = createServer((request: IncomingMessage, response) => {
    void json(request).then((asked) => answer(response, { path: request.url ?? "", body: asked }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  try {
    await body(new URL(`http://127.0.0.1:${port}`));
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
}

const NOBODY = new URL("http://127.0.0.1:1");
const signal = AbortSignal.timeout(20_000);

test("call asks the endpoint that answers, and stays with it", async () => {
  const paths: string[] = [];
  await withServer(
    (response, { path, body }) => {
      paths.push(path);
      response.end(JSON.stringify({ heard: body }));
    },
    async (endpoint) => {
      const gateway = createEtcdGateway({ endpoints: [NOBODY, endpoint] });
      for (let round = 0; round < 2; round++) {
        assert.deepEqual(await gateway.call("kv/range", { key: "eA==" }, signal), { heard: { key: "eA==" } });
      }
    },
  );
  assert.deepEqual(paths, ["/v3/kv/range", "/v3/kv/range"]);
});

const FAILURES: readonly (readonly [string, Answer, RegExp])[] = [
  [
    "what etcd says",
    (response) => response.writeHead(503).end('{"error":"etcdserver: no leader","code":14}'),
    /Cannot ask etcd at 127\.0\.0\.1:\d+ for kv\/range: 503: etcdserver: no leader/,
  ],
  ["that something else answers", (response) => response.writeHead(404).end("<html>"), /404: <html>/],
  ["that it does not answer in time", () => undefined, /no answer in 50 ms/],
  ["that it hangs up", (response) => response.destroy(), /socket hang up|ECONNRESET/],
];

for (const [title, answer, expected] of FAILURES) {
  test(`call reports ${title}`, () =>
    withServer(answer, async (endpoint) => {
      const gateway = createEtcdGateway({ endpoints: [endpoint], timeoutMs: 50 });
      await assert.rejects(gateway.call("kv/range", {}, signal), (error) => {
        assert.ok(error instanceof EtcdError);
        assert.match(error.message, expected);
        return true;
      });
    }));
}

test("stream gives one result for each line, until the server ends it or says an error", () =>
  withServer(
    (response, { path }) => {
      response.write('{"result":{"events":[1]}}\n{"result":');
      response.end(path.endsWith("watch") ? '{"events":[2]}}\n' : '{}}\n{"error":{"message":"compacted"}}\n');
    },
    async (endpoint) => {
      const gateway = createEtcdGateway({ endpoints: [endpoint] });
      const results: unknown[] = [];
      for await (const result of gateway.stream("watch", {}, signal)) results.push(result);
      assert.equal(JSON.stringify(results), '[{"events":[1]},{"events":[2]}]');
      await assert.rejects(async () => {
        for await (const result of gateway.stream("other", {}, signal)) results.push(result);
      }, /compacted/);
      assert.equal(results.length, 4);
    },
  ));
