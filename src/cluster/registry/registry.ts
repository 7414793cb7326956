/**
 * The registry of a cluster: listens in the underlay's namespace at the router's address, where nodes and the host reach
 * it and nobody else does, and stands in for every registry there is.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import type { IpAddress } from "#base/ip-address.ts";
import { inNetns, openNetns } from "#kernel/netns/netns.ts";
import { distributionHandler } from "./distribution-api.ts";
import { type ImageCatalogOptions, type LoadedImage, openImageCatalog } from "./image-catalog.ts";

export interface RegistryOptions extends ImageCatalogOptions {
  /** Where it listens. */
  readonly netnsPath: string;
  /** Connections to other addresses of that namespace are refused. */
  readonly address: IpAddress;
}

export interface Registry extends AsyncDisposable {
  /** `http://10.213.0.254:5000` */
  readonly url: string;
  /** Full names of what it has; built-in images by one of their names. */
  images(): readonly string[];
  /** Takes in an archive of `docker save` or `ctr images export`. Nodes pull it when a pod asks for it. */
  load(path: string, signal: AbortSignal): Promise<LoadedImage>;
}

const PORT = 5000;

export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  await using cleanup = new AsyncDisposableStack();
  const catalog = cleanup.use(await openImageCatalog(options));
  const handle = distributionHandler(catalog);
  const server = createServer((request, response) => void handle(request, response));
  server.on("connection", (socket: Socket) => {
    if (plainAddress(socket.localAddress ?? "") !== options.address) socket.destroy();
  });
  {
    using netns = openNetns(options.netnsPath);
    // A socket belongs to the namespace it is made in. Without a host name to look up, `listen` makes it at once.
    inNetns(netns, () => server.listen(PORT));
  }
  if (!server.listening) throw new Error(`Cannot listen on port ${PORT} of the underlay: it is in use`);
  cleanup.defer(() => close(server));
  const owned = cleanup.move();
  return {
    url: `http://${options.address}:${PORT}`,
    images: () => catalog.names(),
    load: (path, signal) => catalog.load(path, signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A dual-stack socket shows IPv4 addresses as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, "");
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
