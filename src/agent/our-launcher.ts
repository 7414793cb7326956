/** Tells whether an executable in CNI_PATH is Podwire's launcher, so that its plugin can be run in process. */
import { readFileSync, statSync } from "node:fs";

/** `marker` of native/cni-launcher.c. */
const MARKER = "podwire-cni-launcher-1";
/** The launcher has some 40 KB; reference plugins have megabytes and need not be read. */
const MAX_BYTES = 1024 * 1024;

const known = new Map<string, boolean>();

/** Answers from memory while the file is the same (device, inode, size, mtime). */
export function isOurLauncher(path: string): boolean {
  const { dev, ino, size, mtimeMs } = statSync(path);
  if (size > MAX_BYTES) return false;
  const identity = `${dev}:${ino}:${size}:${mtimeMs}`;
  const answer = known.get(identity) ?? readFileSync(path).includes(MARKER);
  known.set(identity, answer);
  return answer;
}
