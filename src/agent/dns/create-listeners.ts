/** UDP and TCP sockets at the addresses that are served: opened and closed as those change. */
import type { IpAddress } from "#base/ip-address.ts";
import type { Responder } from "#dns/server/create-responder.ts";
import type { DnsCounters } from "#dns/server/dns-counters.ts";
import { listenTcp } from "#dns/server/listen-tcp.ts";
import { listenUdp } from "#dns/server/listen-udp.ts";

export interface DnsListeners extends AsyncDisposable {
  /** All of them. What cannot be opened is tried again with the next call; the others serve. */
  set(addresses: readonly IpAddress[]): Promise<void>;
}

export interface ListenersDeps {
  readonly port: number;
  readonly responder: Responder;
  readonly counters: DnsCounters;
  readonly onError: (error: unknown) => void;
}

export function createListeners({ port, responder, counters, onError }: ListenersDeps): DnsListeners {
  const open = new Map<IpAddress, AsyncDisposable>();

  async function listen(address: IpAddress): Promise<AsyncDisposable> {
    await using stack = new AsyncDisposableStack();
    const options = { address, port, responder, onError };
    stack.use(await listenUdp(options));
    stack.use(await listenTcp({ ...options, counters }));
    return stack.move();
  }

  return {
    async set(addresses) {
      for (const [address, listener] of open) {
        if (addresses.includes(address)) continue;
        open.delete(address);
        await listener[Symbol.asyncDispose]();
      }
      const failures: unknown[] = [];
      for (const address of addresses) {
        if (open.has(address)) continue;
        try {
          open.set(address, await listen(address));
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
    },
    async [Symbol.asyncDispose]() {
      const all = [...open.values()];
      open.clear();
      await Promise.all(all.map((listener) => listener[Symbol.asyncDispose]()));
    },
  };
}
