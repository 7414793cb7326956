/**
 * Names of images as people write them and as registries are asked for them: `nginx` is `docker.io/library/nginx:latest`.
 * Source: distribution/reference (the rules of "familiar names"); OCI Distribution Specification 1.1, pulling manifests.
 */

export interface Repository {
  /** Host of the registry: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** `library/nginx` */
  readonly repository: string;
}

export interface ImageReference extends Repository {
  /** A tag, or a digest: `latest`, `sha256:…`. */
  readonly reference: string;
}

const DEFAULT_REGISTRY = "docker.io";
const DEFAULT_TAG = "latest";

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
/** Of a registry's host and a repository together. */
const MAX_NAME = 255;

export function isRepositoryName(text: string): boolean {
  return text.length <= MAX_NAME && REPOSITORY.test(text);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Digests by SHA-256, the only ones in use. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** A tag beside a digest says nothing more. */
export function parseImageReference(text: string): ImageReference {
  const [named = "", digest, ...rest] = text.split("@");
  const colon = named.lastIndexOf(":");
  const hasTag = colon > named.lastIndexOf("/");
  const name = hasTag ? named.slice(0, colon) : named;
  const tag = hasTag ? named.slice(colon + 1) : DEFAULT_TAG;
  const repository = normalizeRepository(name);
  const isValid = rest.length === 0 && isRepositoryName(repository.repository) && isTag(tag);
  if (!isValid || (digest !== undefined && !isDigest(digest))) {
    throw new Error(`Cannot read image name ${JSON.stringify(text)}: it is not of the form registry/name:tag`);
  }
  return { ...repository, reference: digest ?? tag };
}

/** The first part is a host only if it looks like one. */
function normalizeRepository(name: string): Repository {
  const [first = "", ...rest] = name.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost ? officialRepository(first, rest.join("/")) : officialRepository(DEFAULT_REGISTRY, name);
}

/** `nginx` on Docker Hub is `library/nginx`. */
export function officialRepository(registry: string, repository: string): Repository {
  const host = registry === "index.docker.io" || registry === "registry-1.docker.io" ? DEFAULT_REGISTRY : registry;
  const isOfficial = host === DEFAULT_REGISTRY && !repository.includes("/");
  return { registry: host, repository: isOfficial ? `library/${repository}` : repository };
}

/** `docker.io/library/nginx:latest`, `docker.io/library/nginx@sha256:…` */
export function formatImageReference({ registry, repository, reference }: ImageReference): string {
  return `${registry}/${repository}${isDigest(reference) ? "@" : ":"}${reference}`;
}
