/** Failures of connections in the words that people know from Kubernetes' events. Source: Go's package net; errno(3). */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ETIMEDOUT: "connect: connection timed out",
  ECONNRESET: "read: connection reset by peer",
  ENOTFOUND: "no such host",
};

export function hostPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** `dial tcp 10.244.0.2:80: connect: connection refused` */
export function networkErrorText(error: Error, address: string): string {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (error.message === "socket hang up") return "EOF";
  const words = WORDS[code];
  return words === undefined ? error.message : `dial tcp ${address}: ${words}`;
}
