/**
 * Ends HTTP/2 connections that have had no request for a while, whatever else they send: pings, settings, or headers
 * that never end, none of which Node or nghttp2 gives a time. Clients learn by GOAWAY that they have to connect anew.
 * Source: RFC 9113 section 9.1 (connection management).
 */
import type { Http2SecureServer, ServerHttp2Session, ServerHttp2Stream } from "node:http2";

/** What a request that crosses the GOAWAY gets to arrive. */
const LEAVE_MS = 1_000;

export function endIdleSessions(server: Http2SecureServer, idleMs: number): void {
  server.on("session", (session: ServerHttp2Session) => {
    let streams = 0;
    let isLeaving = false;
    // A session that was closed in order would wait for the peer's end; this one is destroyed.
    const leave = (): void => {
      if (streams === 0 && !session.destroyed) session.destroy();
    };
    let leaving: NodeJS.Timeout | undefined;
    const idle = setTimeout(() => {
      if (streams > 0 || session.destroyed) return;
      isLeaving = true;
      session.goaway();
      leaving = setTimeout(leave, LEAVE_MS);
    }, idleMs);
    session.on("stream", (stream: ServerHttp2Stream) => {
      streams += 1;
      stream.once("close", () => {
        streams -= 1;
        if (streams > 0) return;
        if (isLeaving) leave();
        else idle.refresh();
      });
    });
    session.once("close", () => {
      clearTimeout(idle);
      clearTimeout(leaving);
    });
  });
}
