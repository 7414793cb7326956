import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { decodeMessage, encodeMessage, field, message, string, uint32 } from "#base/protobuf.ts";
import { runGrpc } from "./run-grpc.ts";

const request = message("HealthCheckRequest", { service: field(1, string) });
const response = message("HealthCheckResponse", { status: field(1, uint32) });
type Answer = (service: string, done: sendUnaryData<number>) => void;

async function serve(answer: Answer | undefined) {
  const server = new Server();
  const definition = {
    check: {
      path: "/grpc.health.v1.Health/Check",
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: Buffer) => bytes,
      requestDeserialize: (bytes: Buffer) => decodeMessage(request, bytes),
      responseSerialize: (value: number) => encodeMessage(response, { status: value }),
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  } as const;
  if (answer !== undefined) {
    server.addService(definition, {
      check: (call: ServerUnaryCall<{ readonly service: string }, number>, done: sendUnaryData<number>) =>
        answer(call.request.service, done),
    });
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    check: (service = "", timeoutMs = 5_000) =>
      runGrpc({ host: "127.0.0.1", port, service, timeoutMs }, AbortSignal.timeout(20_000)),
    port,
    [Symbol.dispose]: () => server.forceShutdown(),
  };
}

suite("runGrpc", () => {
  for (const [value, isSuccess, output] of [
    [1, true, "service healthy"],
    [2, false, 'service unhealthy (responded with "NOT_SERVING")'],
    [3, false, 'service unhealthy (responded with "SERVICE_UNKNOWN")'],
    [0, false, 'service unhealthy (responded with "UNKNOWN")'],
  ] as const) {
    test(`status ${value}: ${output}`, async () => {
      using server = await serve((_, done) => done(null, value));
      assert.deepEqual(await server.check(), { isSuccess, output });
    });
  }

  test("asks for the service that it was given", async () => {
    using server = await serve((service, done) => done(null, service === "web" ? 1 : 3));
    assert.equal((await server.check("web")).isSuccess, true);
    assert.equal((await server.check("other")).isSuccess, false);
  });

  test("a server without the health service is told apart", async () => {
    using server = await serve(undefined);
    const { isSuccess, output } = await server.check();
    assert.equal(isSuccess, false);
    assert.match(
      output,
      /^error: this server does not implement the grpc health protocol \(grpc\.health\.v1\.Health\): /,
    );
  });

  test("a failure of the call is told with its text", async () => {
    using server = await serve((_, done) => done({ code: status.INTERNAL, details: "broken" }));
    assert.deepEqual(await server.check(), { isSuccess: false, output: "error: health rpc probe failed: broken" });
  });

  test("no answer and no server are told with the time", async () => {
    using server = await serve(() => undefined);
    assert.deepEqual(await server.check("", 100), {
      isSuccess: false,
      output: "timeout: health rpc did not complete within 0.1s",
    });
    server[Symbol.dispose]();
    assert.deepEqual(await server.check("", 100), {
      isSuccess: false,
      output: `timeout: failed to connect service "127.0.0.1:${server.port}" within 0.1s: context deadline exceeded`,
    });
  });
});
