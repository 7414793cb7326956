import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { notFoundError, serviceUnavailableError } from "#api/api-error.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { podObject } from "../testing/pod-object.ts";
import { createConfigReader } from "./create-config-reader.ts";

const pod = podObject({
  volumes: [
    { name: "config", configMap: { name: "settings" } },
    { name: "token", projected: { sources: [{ serviceAccountToken: { path: "token", expirationSeconds: 1000 } }] } },
  ],
});
const REQUEST = { audience: "", expirationSeconds: 1000 };
const signal = new AbortController().signal;

function world() {
  const clock = { nowMs: 0 };
  const server = { color: "blue" as string | undefined, isDown: false, tokens: 0, tokenSeconds: 1000 };
  const reader = createConfigReader(
    {
      async get() {
        if (server.isDown) throw serviceUnavailableError("no connection");
        if (server.color === undefined) throw notFoundError(configMap, "settings");
        return { data: { color: server.color } } as never;
      },
      async createSubresource() {
        if (server.isDown) throw serviceUnavailableError("no connection");
        server.tokens += 1;
        const expirationTimestamp = new Date(clock.nowMs + server.tokenSeconds * 1000).toISOString();
        return { status: { token: `token ${server.tokens}`, expirationTimestamp } } as never;
      },
    },
    () => clock.nowMs,
  );
  const read = async () => {
    const { data, token } = await reader.read(pod, signal);
    return [data.configMap("settings")?.get("color")?.toString(), token(REQUEST)];
  };
  return { clock, server, reader, read };
}

suite("createConfigReader", () => {
  test("reads what is there now, and keeps tokens until most of their time is over", async () => {
    const own = world();
    assert.deepEqual(await own.read(), ["blue", "token 1"]);
    assert.equal(own.reader.renewAtMs("u1"), 800_000);
    own.server.color = "red";
    own.clock.nowMs = 799_999;
    assert.deepEqual(await own.read(), ["red", "token 1"]);
    own.clock.nowMs = 800_000;
    assert.deepEqual(await own.read(), ["red", "token 2"]);
    own.server.color = undefined;
    assert.deepEqual(await own.read(), [undefined, "token 2"]);
  });

  test("the server's word on a token's end counts", async () => {
    const own = world();
    own.server.tokenSeconds = 100;
    await own.read();
    assert.equal(own.reader.renewAtMs("u1"), 80_000);
  });

  test("without the API a pod gets what it had, a token until its end; others get an error", async () => {
    const own = world();
    await own.read();
    own.server.isDown = true;
    own.clock.nowMs = 999_999;
    assert.deepEqual(await own.read(), ["blue", "token 1"]);
    own.clock.nowMs = 1_000_000;
    await assert.rejects(own.read(), /no connection/);
    own.reader.forget("u1");
    own.clock.nowMs = 0;
    await assert.rejects(own.read(), /no connection/);
  });
});
