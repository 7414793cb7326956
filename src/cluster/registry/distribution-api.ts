/**
 * The pulling half of a registry's HTTP API, over an image catalog. Source: OCI Distribution Specification 1.1; `ns`, the
 * registry that a mirror is asked in place of, is containerd's (docs/hosts.md).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { parseRange } from "./byte-range.ts";
import { DistributionError, errorBody } from "./distribution-error.ts";
import type { ImageCatalog } from "./image-catalog.ts";
import {
  isDigest,
  isRepositoryName,
  isTag,
  officialRepository,
  parseImageReference,
  type Repository,
} from "./image-reference.ts";

const DEFAULT_REGISTRY = "docker.io";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
/** A build that downloads packages. */
const BUILD_TIMEOUT_MS = 180_000;

export type DistributionHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function distributionHandler(catalog: ImageCatalog): DistributionHandler {
  return async (request, response) => {
    response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
    try {
      await answer({ catalog, request, response });
    } catch (error) {
      if (response.headersSent) response.destroy();
      else sendError(request, response, error);
    }
  };
}

interface Exchange {
  readonly catalog: ImageCatalog;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function answer(exchange: Exchange): Promise<void> {
  const { request, response, catalog } = exchange;
  const url = new URL(request.url ?? "/", "http://registry");
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    throw new DistributionError("UNSUPPORTED", "This registry is read-only: images come by podwire image load");
  }
  if (url.pathname === "/v2" || url.pathname === "/v2/") return sendJson(exchange, {});
  if (url.pathname === "/v2/_catalog") {
    const repositories = catalog.names().map((name) => name.replace(/:[^:/]*$/, ""));
    return sendJson(exchange, { repositories: [...new Set(repositories)].toSorted() });
  }
  const [, name = "", kind = "", reference = ""] = ROUTE.exec(decodePath(url.pathname)) ?? [];
  if (name === "") throw new DistributionError("NAME_UNKNOWN", `There is nothing at ${url.pathname}`);
  if (!isRepositoryName(name)) throw new DistributionError("NAME_INVALID", "invalid repository name", { name });
  const repository = officialRepository(url.searchParams.get("ns") ?? DEFAULT_REGISTRY, name);
  if (kind === "manifests") return sendManifest(exchange, repository, reference);
  if (kind === "blobs") return sendBlob(exchange, repository, reference);
  if (kind === "referrers")
    return sendJson(exchange, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }, OCI_INDEX);
  return sendTags(exchange, repository, url.searchParams);
}

/** The last of the fixed words counts: repositories may have parts that are named like them. */
const ROUTE = /^\/v2\/(.+)\/(manifests|blobs|referrers|tags)\/([^/]+)$/;

async function sendManifest({ catalog, request, response }: Exchange, repository: Repository, reference: string) {
  if (!isDigest(reference) && !isTag(reference)) {
    throw reference.includes(":")
      ? new DistributionError("DIGEST_INVALID", "invalid digest", { digest: reference })
      : new DistributionError("TAG_INVALID", "invalid tag", { tag: reference });
  }
  const manifest = await catalog.findManifest({ ...repository, reference }, AbortSignal.timeout(BUILD_TIMEOUT_MS));
  if (manifest === undefined) {
    if (!catalog.hasRepository(repository)) throw unknownRepository(repository);
    throw new DistributionError("MANIFEST_UNKNOWN", "manifest unknown", { name: repository.repository, reference });
  }
  response.writeHead(200, {
    "Content-Type": manifest.mediaType,
    "Content-Length": manifest.bytes.length,
    "Docker-Content-Digest": manifest.digest,
    ETag: `"${manifest.digest}"`,
  });
  response.end(request.method === "HEAD" ? undefined : manifest.bytes);
}

async function sendBlob({ catalog, request, response }: Exchange, repository: Repository, digest: string) {
  if (!isDigest(digest)) throw new DistributionError("DIGEST_INVALID", "invalid digest", { digest });
  const blob = await catalog.findBlob(repository, digest, AbortSignal.timeout(BUILD_TIMEOUT_MS));
  if (blob === undefined) {
    if (!catalog.hasRepository(repository)) throw unknownRepository(repository);
    throw new DistributionError("BLOB_UNKNOWN", "blob unknown to registry", { digest });
  }
  const headers = {
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": digest,
    "Accept-Ranges": "bytes",
    ETag: `"${digest}"`,
  };
  const range = parseRange(request.headers.range, blob.size);
  if (range === "unsatisfiable") {
    response.writeHead(416, { ...headers, "Content-Range": `bytes */${blob.size}`, "Content-Length": 0 });
    response.end();
    return;
  }
  const { first, last } = range ?? { first: 0, last: blob.size - 1 };
  response.writeHead(range === undefined ? 200 : 206, {
    ...headers,
    "Content-Length": last - first + 1,
    ...(range && { "Content-Range": `bytes ${first}-${last}/${blob.size}` }),
  });
  if (request.method === "HEAD" || blob.size === 0) response.end();
  else await pipeline(blob.read(first, last), response);
}

/** Pages by `n` and `last`, as registries do. */
function sendTags(exchange: Exchange, repository: Repository, query: URLSearchParams): void {
  const { catalog, response } = exchange;
  if (!catalog.hasRepository(repository)) throw unknownRepository(repository);
  const tags = catalog
    .names()
    .map(parseImageReference)
    .filter((name) => name.registry === repository.registry && name.repository === repository.repository)
    .map(({ reference }) => reference)
    .toSorted()
    .filter((tag) => tag > (query.get("last") ?? ""));
  const limit = Number(query.get("n") ?? tags.length);
  const page = Number.isInteger(limit) && limit >= 0 ? tags.slice(0, limit) : tags;
  const last = page.at(-1);
  if (page.length < tags.length && last !== undefined) {
    response.setHeader("Link", `</v2/${repository.repository}/tags/list?n=${limit}&last=${last}>; rel="next"`);
  }
  sendJson(exchange, { name: repository.repository, tags: page });
}

function unknownRepository({ registry, repository }: Repository): DistributionError {
  const name = `${registry}/${repository}`;
  return new DistributionError("NAME_UNKNOWN", "repository name not known to registry", { name });
}

function sendJson({ request, response }: Exchange, value: unknown, mediaType = "application/json"): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(200, { "Content-Type": mediaType, "Content-Length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

/** The reason is in the status line too: containerd shows that one, and asks by HEAD first. */
function sendError(request: IncomingMessage, response: ServerResponse, cause: unknown): void {
  const message = cause instanceof Error ? cause.message : String(cause);
  const error = cause instanceof DistributionError ? cause : new DistributionError("UNAVAILABLE", message);
  const body = Buffer.from(errorBody(error));
  response.statusMessage = error === cause ? "" : message.replaceAll(/[^\x20-\x7e]/g, " ");
  response.writeHead(error.status, { "Content-Type": "application/json", "Content-Length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new DistributionError("NAME_INVALID", "the path is not valid percent-encoding", { path });
  }
}
