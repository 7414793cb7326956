/** Where objects are kept: SQLite in the data directory, or an etcd that others may share. Loads only what is used. */
import { join } from "node:path";
import type { Store } from "./store/store.ts";

/** `url`: "sqlite", or "etcd://HOST:PORT,…". Throws RangeError for anything else. */
export async function openStore(url: string, dataDirectory: string): Promise<Store> {
  if (url === "sqlite") {
    const { createSqliteStore } = await import("./store/sqlite/sqlite-store.ts");
    return createSqliteStore({ path: join(dataDirectory, "store.db") });
  }
  const [{ createEtcdStore }, { parseEtcdEndpoints }] = await Promise.all([
    import("./store/etcd/etcd-store.ts"),
    import("./store/etcd/endpoints.ts"),
  ]);
  return createEtcdStore({ endpoints: parseEtcdEndpoints(url) });
}
