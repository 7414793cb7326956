/**
 * What the kernel answered when it refused: the errno by name, and its own words where it has some
 * (netlink extended acknowledgement: include/uapi/linux/netlink.h, NLMSGERR_ATTR_*).
 */
import { constants } from "node:os";
import { getSystemErrorMessage, getSystemErrorName } from "node:util";

/** Errno names as in errno(3): "EEXIST", "ENOENT", … */
export type ErrnoName = keyof typeof constants.errno;

export class KernelError extends Error {
  override readonly name = "KernelError";
  /** What was asked for, in the words of `ip` or `nft`: `link add "veth1"`. */
  readonly operation: string;
  readonly errno: number;
  readonly code: string;
  /** The kernel's own explanation, or "". */
  readonly extack: string;
  /** Byte of the request that the kernel blames, if it says so. */
  readonly offset: number | undefined;

  constructor(operation: string, errno: number, extack = "", offset?: number) {
    super(`Cannot ${operation}: ${errnoMessage(errno)}${extack === "" ? "" : ` (${extack})`}`);
    this.operation = operation;
    this.errno = errno;
    this.code = errnoName(errno);
    this.extack = extack;
    this.offset = offset;
  }
}

export function isErrno(error: unknown, ...names: readonly ErrnoName[]): error is KernelError {
  return error instanceof KernelError && names.some((name) => constants.errno[name] === error.errno);
}

function errnoName(errno: number): string {
  const name = getSystemErrorName(-errno);
  return name.startsWith("E") ? name : `errno ${errno}`; // libuv does not know all: 85 ERESTART, 524 ENOTSUPP
}

function errnoMessage(errno: number): string {
  return errnoName(errno).startsWith("E") ? getSystemErrorMessage(-errno) : `errno ${errno}`;
}
