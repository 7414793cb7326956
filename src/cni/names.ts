/**
 * Checks of the names that a CNI runtime passes. They end up in file names and in kernel requests,
 * so the checks come before anything else. Source: CNI SPEC 1.1.0 "Parameters"; texts as in libcni.
 */
import { CniError } from "./cni-error.ts";

/** Bytes of an interface name: IFNAMSIZ (16, include/uapi/linux/if.h) without the NUL. */
export const MAX_INTERFACE_NAME_BYTES = 15;

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export function checkContainerId(containerId: string): void {
  if (containerId === "") throw new CniError("unknownContainer", "missing containerID");
  if (!NAME.test(containerId)) {
    throw new CniError("invalidEnvironment", "invalid characters in containerID", containerId);
  }
}

export function checkNetworkName(name: string): void {
  if (name === "") throw new CniError("invalidConfig", "missing network name");
  if (!NAME.test(name)) throw new CniError("invalidConfig", "invalid characters found in network name", name);
}

export function checkInterfaceName(name: string): void {
  const problem = interfaceNameProblem(name);
  if (problem !== undefined) throw new CniError("invalidEnvironment", problem.message, problem.details);
}

function interfaceNameProblem(name: string): { readonly message: string; readonly details?: string } | undefined {
  if (name === "") return { message: "interface name is empty" };
  if (Buffer.byteLength(name) > MAX_INTERFACE_NAME_BYTES) {
    return {
      message: "interface name is too long",
      details: `interface name should be less than ${MAX_INTERFACE_NAME_BYTES + 1} characters`,
    };
  }
  if (name === "." || name === "..") return { message: "interface name is . or .." };
  if (/[/:\s\u0085]/u.test(name)) return { message: "interface name contains / or : or whitespace characters" };
  return undefined;
}
