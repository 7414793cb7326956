import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Server, ServerCredentials, type ServiceDefinition, status, type UntypedHandleCall } from "@grpc/grpc-js";
import { decodeMessage, encodeMessage, field, message, string } from "#base/protobuf.ts";
import { type CriClient, createCriClient } from "./cri-client.ts";
import { CriError, isNotFound } from "./cri-error.ts";
import { criMethods } from "./methods.ts";

// The runtime's side, declared apart from the client's.
const statusRequest = message("PodSandboxStatusRequest", { podSandboxId: field(1, string) });
const statusResponse = message("PodSandboxStatusResponse", {
  status: field(1, message("Status", { id: field(1, string) })),
});

/** A runtime that has one pod, knows no other, and never answers Version. */
function createRuntime(onVersionCancelled: () => void): Server {
  const { version, podSandboxStatus } = criMethods;
  const bytes = (value: Buffer): Buffer => value;
  const definition = (path: string): ServiceDefinition[string] => ({
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  });
  const server = new Server();
  const answerStatus: UntypedHandleCall = (
    call: { request: Buffer },
    callback: (error: object | null, value?: Buffer) => void,
  ) => {
    const { podSandboxId } = decodeMessage(statusRequest, call.request);
    if (podSandboxId !== "known") callback({ code: status.NOT_FOUND, details: `sandbox "${podSandboxId}": not found` });
    else callback(null, encodeMessage(statusResponse, { status: { id: "known" } }));
  };
  const neverAnswer: UntypedHandleCall = (call: NodeJS.EventEmitter) => call.once("cancelled", onVersionCancelled);
  server.addService(
    { status: definition(podSandboxStatus.path), version: definition(version.path) },
    { status: answerStatus, version: neverAnswer },
  );
  return server;
}

async function withRuntime(run: (cri: CriClient, cancelled: Promise<void>) => Promise<void>, timeoutMs?: number) {
  const folder = await mkdtemp(join(tmpdir(), "podwire-cri-"));
  const { promise: cancelled, resolve: onCancelled } = Promise.withResolvers<void>();
  const server = createRuntime(onCancelled);
  try {
    const socket = join(folder, "cri.sock");
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    using cri = createCriClient(socket, timeoutMs === undefined ? {} : { timeoutMs });
    await run(cri, cancelled);
  } finally {
    server.forceShutdown();
    await rm(folder, { recursive: true });
  }
}

const signal = AbortSignal.timeout(30_000);

test("a call gives the decoded response", async () => {
  await withRuntime(async (cri) => {
    const { status } = await cri.podSandboxStatus({ podSandboxId: "known" }, signal);
    assert.equal(status?.id, "known");
    assert.equal(status?.network, undefined);
  });
});

test("a call that the runtime refuses rejects with its code and words", async () => {
  await withRuntime(async (cri) => {
    await assert.rejects(cri.podSandboxStatus({ podSandboxId: "other" }, signal), (error) => {
      assert.ok(error instanceof CriError && isNotFound(error));
      assert.equal(error.method, "PodSandboxStatus");
      assert.equal(error.details, 'sandbox "other": not found');
      assert.equal(error.message, 'CRI call "PodSandboxStatus" failed with NOT_FOUND: sandbox "other": not found');
      return true;
    });
    await assert.rejects(cri.status({}, signal), { code: "UNIMPLEMENTED" });
  });
});

test("a call ends when its signal aborts, with the signal's reason as cause, and the runtime hears of it", async () => {
  await withRuntime(async (cri, cancelled) => {
    const controller = new AbortController();
    const reason = new Error("no longer");
    const calling = cri.version({}, controller.signal);
    // The other call's answer shows that the connection stands.
    await cri.podSandboxStatus({ podSandboxId: "known" }, signal);
    controller.abort(reason);
    await assert.rejects(calling, { name: "CriError", code: "CANCELLED", cause: reason });
    await cancelled;
    await assert.rejects(cri.version({}, controller.signal), { code: "CANCELLED", cause: reason });
  });
});

test("a call ends at the client's deadline", async () => {
  await withRuntime(async (cri) => {
    await assert.rejects(cri.version({}, signal), { code: "DEADLINE_EXCEEDED", method: "Version" });
  }, 50);
});

test("a call without a runtime fails with UNAVAILABLE", async () => {
  using cri = createCriClient("/nowhere/cri.sock");
  await assert.rejects(cri.version({}, signal), { code: "UNAVAILABLE" });
});

test("criMethods calls every method by the name that the service has for it", () => {
  for (const [name, method] of Object.entries(criMethods)) {
    assert.equal(method.name, name.charAt(0).toUpperCase() + name.slice(1));
    const [, service, verb = ""] = method.path.split("/");
    if (method.namespace === undefined) {
      assert.match(service ?? "", /^runtime\.v1\.(Runtime|Image)Service$/);
      assert.equal(verb, method.name);
    } else {
      assert.equal(service, "containerd.services.leases.v1.Leases");
      assert.match(method.name, new RegExp(`^${verb}Leases?$`));
    }
  }
});
