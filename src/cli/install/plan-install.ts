/** Decides what an installation has to write, and which files of others are in its way. Pure. */

export interface WantedFile {
  /** As in the manifest. */
  readonly path: string;
  readonly sha256: string;
}

export interface InstallPlan<F extends WantedFile> {
  readonly writes: readonly F[];
  /** Files of others under the same name; each is also in `writes`. */
  readonly foreign: readonly F[];
}

export interface Found {
  /** Hash of the file that is there; undefined when there is none. */
  hashAt(path: string): string | undefined;
  /** Hash that an earlier installation recorded. */
  recordedHash(path: string): string | undefined;
  /** The file is known to be ours by other signs. */
  isOurs(path: string): boolean;
}

export function planInstall<F extends WantedFile>(wanted: readonly F[], found: Found): InstallPlan<F> {
  const writes = wanted.filter(({ path, sha256 }) => found.hashAt(path) !== sha256);
  const foreign = writes.filter(({ path }) => {
    const there = found.hashAt(path);
    return there !== undefined && there !== found.recordedHash(path) && !found.isOurs(path);
  });
  return { writes, foreign };
}
