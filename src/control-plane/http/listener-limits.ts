/** What clients get, in milliseconds, before the server lets go of them: nobody can hold on to its memory for nothing. */

export interface ListenerLimits {
  /** To end a TLS handshake. */
  readonly handshakeMs: number;
  /** HTTP/1.1: to end the headers of a request; of the first one from the beginning of the connection. */
  readonly headersMs: number;
  /** HTTP/1.1: to send a request whole. Requests themselves have less (request-lifetime.ts). */
  readonly requestMs: number;
  /** Until the next request of a connection that has none under way. */
  readonly idleMs: number;
  /** To take an answer whole; watches have bounds of their own. */
  readonly answerMs: number;
}

export const DEFAULT_LIMITS: ListenerLimits = {
  handshakeMs: 10_000,
  headersMs: 15_000,
  requestMs: 75_000,
  idleMs: 120_000,
  answerMs: 60_000,
};
