import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import { suite, test } from "node:test";
import { joinConnections } from "./join-connections.ts";

/** Two connected sockets. */
async function pair(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const accepted = once(server, "connection");
  const near = connect(port, "127.0.0.1");
  await once(near, "connect");
  const [far] = (await accepted) as [Socket];
  for (const socket of [near, far]) socket.on("error", () => undefined);
  server.close();
  return [near, far];
}

suite("joinConnections", () => {
  test("all of what one side sent before it closed arrives where it is taken slowly", async () => {
    const taken: string[] = [];
    const slow = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        setImmediate(() => {
          taken.push(String(chunk));
          done();
        });
      },
    });
    const quick = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    quick.on("end", () => quick.destroy());
    joinConnections(slow, quick);
    for (const each of ["one ", "two ", "three"]) quick.push(each);
    quick.push(null);
    await finished(slow, { readable: false });
    assert.equal(taken.join(""), "one two three");
    slow.destroy();
  });

  test("the failure of one side ends the other one", async () => {
    const [[client, left], [runtime, right]] = [await pair(), await pair()];
    joinConnections(left, right);
    client.resetAndDestroy();
    runtime.resume();
    await once(runtime, "close");
    assert.ok(left.destroyed && right.destroyed);
  });

  test("a side that does not end when the other one has gone is ended", async () => {
    const stubborn = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const gone = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    gone.on("end", () => gone.destroy());
    joinConnections(stubborn, gone);
    gone.push(null);
    // Timers here keep no process alive.
    using _process = holdProcess();
    await once(stubborn, "close");
  });
});

function holdProcess(): Disposable {
  const timer = setInterval(() => undefined, 1_000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
