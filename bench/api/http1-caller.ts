/** HTTP/1.1: a connection for each request in flight and for each watch, kept for the next. */
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import type { Cluster } from "#api-client/kubeconfig.ts";
import { type HttpCaller, type HttpRequest, refused } from "./http-caller.ts";

export function createHttp1Caller({ server, ca, certificate, key }: Cluster): HttpCaller {
  const { hostname, port } = new URL(server);
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 256, ca, cert: certificate, key });

  async function answerTo({ method, path, body }: HttpRequest): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = {
      accept: "application/json",
      ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    };
    const sent = request({ agent, hostname, port: Number(port), method, path, headers });
    sent.setNoDelay(true);
    sent.once("response", resolve);
    sent.once("error", reject);
    sent.end(body);
    const response = await promise;
    const { statusCode = 0 } = response;
    if (statusCode >= 300) throw refused({ method, path }, statusCode, await text(response));
    return response;
  }

  return {
    send: async (toSend) => await text(await answerTo(toSend)),
    async open(path, { onBytes, onEnd }) {
      const response = await answerTo({ method: "GET", path });
      response.on("data", onBytes);
      response.once("error", onEnd);
      response.once("end", () => onEnd());
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}
