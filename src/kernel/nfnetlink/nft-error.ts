/** Why a transaction was refused: each operation that the kernel blamed, in the order of the batch. */
import { KernelError } from "../kernel-error.ts";
import type { NftSetElement } from "./set-element.ts";

export interface NftFailure {
  /** Position in the list of operations; undefined when the kernel blames the transaction as a whole. */
  readonly index: number | undefined;
  /** The operation in the words of `nft`. */
  readonly sentence: string;
  readonly errno: number;
  readonly extack: string;
  /** The element that the kernel blames, where it says so. */
  readonly element: NftSetElement | undefined;
}

/** `errno`, `code` and `extack` are those of the first failure; later ones often only follow from it. */
export class NftTransactionError extends KernelError {
  readonly failures: readonly NftFailure[];

  constructor(operation: string, failures: readonly NftFailure[], operations: number) {
    const [first] = failures;
    const position = first?.index === undefined ? "" : ` (operation ${first.index + 1} of ${operations})`;
    super(`${operation}: ${first?.sentence ?? "the transaction"}${position}`, first?.errno ?? 0, first?.extack ?? "");
    this.failures = failures;
  }
}
