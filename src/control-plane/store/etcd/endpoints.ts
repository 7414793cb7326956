/** Reads "etcd://10.0.0.1:2379,10.0.0.2:2379" as endpoints "host:port". */
export function parseEtcdEndpoints(text: string): readonly string[] {
  const match = /^etcd:\/\/([^/?#\s]+)\/?$/.exec(text);
  const endpoints = match?.[1]?.split(",") ?? [];
  if (endpoints.length === 0 || !endpoints.every(isEndpoint)) {
    throw new RangeError(`Cannot use the store "${text}": write etcd://HOST:PORT, more of them behind commas`);
  }
  return endpoints;
}

function isEndpoint(text: string): boolean {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text)?.[1];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}
