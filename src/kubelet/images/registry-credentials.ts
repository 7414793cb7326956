/**
 * Credentials for registries from Secrets in Docker's format, and which of them an image's name asks for.
 * Source: Kubernetes documentation, "Images", "Interpretation of config.json".
 */
import type { Secret } from "#api/kinds/secret.ts";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import type { AuthConfig } from "#cri/image-messages.ts";
import { parseImageName } from "./parse-image-name.ts";

export interface RegistryCredential {
  /** "registry.example.com:5000/team", "*.example.com" */
  readonly place: string;
  readonly auth: AuthConfig;
}

const DOCKER_HUB = new Set(["index.docker.io", "registry-1.docker.io", "docker.io"]);

/** Empty for a Secret of another type, or that cannot be read. */
export function credentialsOf({ type, data = {} }: Secret): readonly RegistryCredential[] {
  const key = { "kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg" }[
    type ?? ""
  ];
  if (key === undefined) return [];
  return parseDockerConfig(Buffer.from(data[key] ?? "", "base64").toString("utf8"));
}

export function parseDockerConfig(text: string): readonly RegistryCredential[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return []; // The pull says that it was not authorized.
  }
  if (!isJsonObject(parsed)) return [];
  const auths = isJsonObject(parsed["auths"]) ? parsed["auths"] : parsed;
  return Object.entries(auths).flatMap(([address, entry]): readonly RegistryCredential[] => {
    const place = address.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
    return isJsonObject(entry) && place !== "" ? [{ place, auth: authOf(place, entry) }] : [];
  });
}

function authOf(serverAddress: string, entry: JsonObject): AuthConfig {
  const text = (name: string): string => (typeof entry[name] === "string" ? entry[name] : "");
  const [username = "", password = ""] = ((): readonly string[] => {
    if (text("username") !== "") return [text("username"), text("password")];
    const [user = "", ...rest] = Buffer.from(text("auth"), "base64").toString("utf8").split(":");
    return [user, rest.join(":")];
  })();
  return {
    username,
    password,
    serverAddress,
    identityToken: text("identitytoken"),
    registryToken: text("registrytoken"),
  };
}

/** The most special first. */
export function credentialsFor(image: string, known: readonly RegistryCredential[]): readonly AuthConfig[] {
  const name = parseImageName(image);
  if ("problem" in name) return [];
  return known
    .filter(({ place }) => matches(place, name.registry, name.repository))
    .toSorted((one, other) => other.place.length - one.place.length)
    .map(({ auth }) => auth);
}

function matches(place: string, registry: string, repository: string): boolean {
  const [host = "", ...path] = place.split("/");
  const isHub = DOCKER_HUB.has(host) && DOCKER_HUB.has(registry);
  if (!isHub && !hostMatches(host, registry)) return false;
  return path.length === 0 || `${repository}/`.startsWith(`${path.join("/")}/`);
}

/** A star stands for one part of the name. */
function hostMatches(pattern: string, host: string): boolean {
  const [wanted, there] = [pattern.split("."), host.split(".")];
  return (
    wanted.length === there.length &&
    wanted.every((part, index) => {
      const text = there[index] ?? "";
      if (!part.includes("*")) return part === text;
      const [before = "", ...after] = part.split("*");
      return text.startsWith(before) && text.endsWith(after.at(-1) ?? "") && !text.includes(":");
    })
  );
}
