/**
 * Names of images: `[registry[:port]/]path[:tag][@digest]`. Docker Hub and `latest` are what a name leaves out.
 * Source: OCI distribution specification; github.com/distribution/reference, grammar and error texts.
 */
export interface ImageName {
  /** "docker.io", "registry.example.com:5000" */
  readonly registry: string;
  /** "library/busybox" */
  readonly repository: string;
}

const REGISTRY =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;
const PATH = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[\w][\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const MAX_PATH = 255;
const DEFAULT_REGISTRY = "docker.io";

/** The reason is the text that kubelets show; undefined: it is a name. */
export function parseImageName(text: string): ImageName | { readonly problem: string } {
  const [, name = "", digest] = /^([^@]*)(?:@(.*))?$/s.exec(text) ?? [];
  if (digest !== undefined && !DIGEST.test(digest)) return { problem: "invalid reference format" };
  const [, untagged = "", tag] = /^(.*?)(?::([^/]*))?$/s.exec(name) ?? [];
  if (tag !== undefined && !TAG.test(tag)) return { problem: "invalid reference format" };
  const slash = untagged.indexOf("/");
  const first = slash === -1 ? "" : untagged.slice(0, slash);
  const hasRegistry = /[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first;
  const registry = hasRegistry ? first : DEFAULT_REGISTRY;
  const rest = hasRegistry ? untagged.slice(slash + 1) : untagged;
  const repository = !hasRegistry && slash === -1 ? `library/${rest}` : rest;
  if (!REGISTRY.test(registry) || rest === "") return { problem: "invalid reference format" };
  if (!PATH.test(rest)) {
    const isCase = PATH.test(rest.toLowerCase());
    const why = isCase ? `: repository name (${repository}) must be lowercase` : "";
    return { problem: `invalid reference format${why}` };
  }
  if (repository.length > MAX_PATH) return { problem: `repository name must not be more than ${MAX_PATH} characters` };
  return { registry, repository };
}
