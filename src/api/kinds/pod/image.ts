/** When images are pulled. Source: Kubernetes documentation, "Images", "Default image pull policy". */
import type { JsonValue } from "#base/json.ts";
import { oneOf } from "../../schema/schema.ts";

export const pullPolicy = oneOf("Always", "IfNotPresent", "Never");

/** Always for the tag "latest" or none, unless a digest is given. */
export function defaultPullPolicy(image: JsonValue | undefined): "Always" | "IfNotPresent" {
  if (typeof image !== "string" || image.includes("@")) return "IfNotPresent";
  const name = image.slice(image.lastIndexOf("/") + 1);
  const tag = name.includes(":") ? name.slice(name.indexOf(":") + 1) : "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}
