/** What holds in security contexts beyond single fields. Source: the API server's validation of core/v1. */
import { childPath, type FieldError, invalid, required } from "../../field-error.ts";
import type { PodSecurityContext, SecurityContext } from "./security-context.ts";

export function validateContainerSecurity(context: SecurityContext | undefined, path: string): readonly FieldError[] {
  if (context === undefined) return [];
  const { privileged, allowPrivilegeEscalation: canEscalate, capabilities } = context;
  const hasAdmin = (capabilities?.add ?? []).some((name) => name === "CAP_SYS_ADMIN");
  return [
    ...validateSecurityProfiles(context, path),
    ...(canEscalate === false && privileged === true
      ? [invalid(path, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")]
      : []),
    ...(canEscalate === false && hasAdmin
      ? [invalid(path, context, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN")]
      : []),
  ];
}

/** Of a container or of a pod. */
export function validateSecurityProfiles(
  context: Pick<PodSecurityContext, "seccompProfile" | "appArmorProfile"> | undefined,
  path: string,
): readonly FieldError[] {
  return [
    ...validateProfile(context?.seccompProfile, childPath(path, "seccompProfile"), "seccomp"),
    ...validateProfile(context?.appArmorProfile, childPath(path, "appArmorProfile"), "AppArmor"),
  ];
}

function validateProfile(
  profile: PodSecurityContext["seccompProfile"],
  path: string,
  what: string,
): readonly FieldError[] {
  if (profile === undefined) return [];
  const { type, localhostProfile } = profile;
  const at = childPath(path, "localhostProfile");
  if (type === "Localhost") {
    return (localhostProfile ?? "") === "" ? [required(at, `must be set when ${what} type is Localhost`)] : [];
  }
  if (localhostProfile === undefined) return [];
  return [invalid(at, localhostProfile, `can only be set when ${what} type is Localhost`)];
}
