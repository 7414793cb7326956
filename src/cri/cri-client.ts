/**
 * Client of a container runtime over its CRI socket: one method for each row of `criMethods`.
 * Each call ends with a response, with `CriError`, when its signal aborts, or at the client's deadline.
 */
import { type CallOptions, Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { decodeMessage, encodeMessage } from "#base/protobuf.ts";
import { CriError, type CriErrorCode } from "./cri-error.ts";
import { criMethods, type UnaryMethod } from "./methods.ts";

type Methods = typeof criMethods;

export type CriCalls = {
  readonly [K in keyof Methods]: Methods[K] extends UnaryMethod<infer Request, infer Response>
    ? (request: Request, signal: AbortSignal) => Promise<Response>
    : never;
};

export interface CriClient extends CriCalls, Disposable {
  /** New calls fail; those under way may still end by themselves. */
  close(): void;
}

export interface CriClientOptions {
  /** Longest time for one call, besides what the call itself asks for. The default is the kubelet's runtimeRequestTimeout. */
  readonly timeoutMs?: number;
}

/** Starts no connection yet: the socket must exist at the first call, which fails with UNAVAILABLE otherwise. */
export function createCriClient(socketPath: string, { timeoutMs = 120_000 }: CriClientOptions = {}): CriClient {
  // An absolute path after the scheme's two slashes; the authority is for containerd's HTTP/2 only.
  const client = new Client(`unix://${socketPath}`, credentials.createInsecure(), {
    "grpc.default_authority": "localhost",
  });
  const calls = Object.entries<UnaryMethod<never, unknown>>(criMethods).map(([name, method]) => [
    name,
    (request: never, signal: AbortSignal) => callUnary({ client, method, timeoutMs }, request, signal),
  ]);
  const close = (): void => client.close();
  return {
    // Object.entries loses which key has which method; CriCalls restores it.
    ...(Object.fromEntries(calls) as CriCalls),
    close,
    [Symbol.dispose]: close,
  };
}

interface Call<Request, Response> {
  readonly client: Client;
  readonly method: UnaryMethod<Request, Response>;
  readonly timeoutMs: number;
}

function callUnary<Request, Response>(
  { client, method, timeoutMs }: Call<Request, Response>,
  request: Request,
  signal: AbortSignal,
): Promise<Response> {
  const aborted = (): CriError =>
    new CriError(method.name, "CANCELLED", "the caller does not wait any longer", { cause: signal.reason });
  if (signal.aborted) return Promise.reject(aborted());
  return new Promise((resolve, reject) => {
    const metadata = new Metadata();
    if (method.namespace !== undefined) metadata.set("containerd-namespace", method.namespace);
    const options: CallOptions = { deadline: Date.now() + timeoutMs + (method.asksForMs?.(request) ?? 0) };
    const call = client.makeUnaryRequest(
      method.path,
      (value: Request) => encodeMessage(method.request, value),
      (bytes) => decodeMessage(method.response, bytes),
      request,
      metadata,
      options,
      (error, response) => {
        signal.removeEventListener("abort", cancel);
        if (error !== null) reject(signal.aborted ? aborted() : fromServiceError(method.name, error));
        else if (response === undefined) reject(new CriError(method.name, "INTERNAL", "the response is empty"));
        else resolve(response);
      },
    );
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
  });
}

function fromServiceError(method: string, error: ServiceError): CriError {
  return new CriError(method, codeName(error.code), error.details, { cause: error });
}

function codeName(code: number): CriErrorCode {
  const names = Object.keys(status) as CriErrorCode[]; // The keys of the very object that the type is made from.
  return names.find((name) => status[name] === code) ?? "UNKNOWN";
}
