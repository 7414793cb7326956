/**
 * A gRPC health check. Source: gRPC Health Checking Protocol, grpc.health.v1; Kubernetes documentation, "Define a gRPC
 * liveness probe"; texts as the kubelet writes them.
 */
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { decodeMessage, encodeMessage, enumeration, field, message, string } from "#base/protobuf.ts";
import type { HandlerResult } from "./run-handler.ts";

const healthRequest = message("HealthCheckRequest", { service: field(1, string) });
const healthResponse = message("HealthCheckResponse", {
  status: field(1, enumeration("ServingStatus", ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"])),
});
const PATH = "/grpc.health.v1.Health/Check";

export interface GrpcCheck {
  readonly host: string;
  readonly port: number;
  /** "" for the server as a whole. */
  readonly service: string;
  readonly timeoutMs: number;
}

export function runGrpc({ host, port, service, timeoutMs }: GrpcCheck, signal: AbortSignal): Promise<HandlerResult> {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const { promise, resolve } = Promise.withResolvers<HandlerResult>();
  const failed = (output: string): void => resolve({ isSuccess: false, output });
  const client = new Client(address, credentials.createInsecure(), {
    "grpc.primary_user_agent": "kube-probe/1.32",
    // The next check makes its own connection: it must not get one that an earlier one has found dead.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": 0,
  });
  const deadline = Date.now() + timeoutMs;
  const late = `within ${timeoutMs / 1000}s: context deadline exceeded`;
  const abort = (): void => failed("interrupted");
  signal.addEventListener("abort", abort, { once: true });
  client.waitForReady(deadline, (error) => {
    if (error !== undefined) {
      failed(`timeout: failed to connect service "${address}" ${late}`);
      return;
    }
    client.makeUnaryRequest(
      PATH,
      (request: { readonly service: string }) => encodeMessage(healthRequest, request),
      (bytes) => decodeMessage(healthResponse, bytes),
      { service },
      new Metadata(),
      { deadline },
      (failure, answer) => {
        if (failure !== null) failed(failureText(failure, timeoutMs));
        else if (answer?.status === "SERVING") resolve({ isSuccess: true, output: "service healthy" });
        else failed(`service unhealthy (responded with "${answer?.status ?? "UNKNOWN"}")`);
      },
    );
  });
  return promise.finally(() => {
    signal.removeEventListener("abort", abort);
    client.close();
  });
}

function failureText({ code, details }: ServiceError, timeoutMs: number): string {
  if (code === status.UNIMPLEMENTED) {
    return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${details}`;
  }
  if (code === status.DEADLINE_EXCEEDED) return `timeout: health rpc did not complete within ${timeoutMs / 1000}s`;
  return `error: health rpc probe failed: ${details}`;
}
