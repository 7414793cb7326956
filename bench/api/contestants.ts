/** Who takes part: the etcd that all are compared with, and our control plane by its store and by the HTTP version. */

export const storeNames = ["sqlite", "etcd"] as const;
export type StoreName = (typeof storeNames)[number];

export const protocols = ["http2", "http1"] as const;
export type Protocol = (typeof protocols)[number];

/** etcd itself: put, range and watch by gRPC, no API server. */
export const REFERENCE = "raw-etcd";

export type ApiContestant =
  | { readonly name: typeof REFERENCE; readonly type: "reference"; readonly title: string }
  | {
      /** "sqlite-http2" */
      readonly name: string;
      readonly type: "ours";
      readonly title: string;
      readonly store: StoreName;
      readonly protocol: Protocol;
    };

const PROTOCOL_TITLES: Readonly<Record<Protocol, string>> = { http2: "HTTP/2", http1: "HTTP/1.1" };
const STORE_TITLES: Readonly<Record<StoreName, string>> = { sqlite: "SQLite", etcd: "etcd" };

export function createContestants(stores: readonly StoreName[]): readonly ApiContestant[] {
  const reference = { name: REFERENCE, type: "reference", title: "etcd itself by gRPC, no API server" } as const;
  const ours = stores.flatMap((store) =>
    protocols.map((protocol) => {
      const title = `Podwire's control plane on ${STORE_TITLES[store]}, by ${PROTOCOL_TITLES[protocol]}`;
      return { name: `${store}-${protocol}`, type: "ours", title, store, protocol } as const;
    }),
  );
  return [reference, ...ours];
}
