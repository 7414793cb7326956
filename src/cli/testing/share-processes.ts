/**
 * Which test files share a process. Starting one takes longer than most pure tests: those come a dozen to a process, by
 * a file that imports them. A file stays alone whose top level has hooks, which would be hooks of all the others, or
 * a deadline, which would be over when its turn comes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** With fewer files, each has its own process: a failure is nobody else's. */
const SHARED_FROM = 40;
const FILES_PER_PROCESS = 12;
const CONCERNS_OTHERS = /^(before|after)(Each)?\(|^const .*\b(AbortSignal\.timeout|setTimeout|setInterval)\(/m;

export type ReadText = (file: string) => string;

/** Each inner list is a process; files keep their order. */
export function shareProcesses(
  files: readonly string[],
  readText: ReadText = (file) => readFileSync(file, "utf8"),
): readonly (readonly string[])[] {
  const isPure = (file: string): boolean => !/\.(e2e|netns)\.test\.ts$/.test(file);
  const isShared = (file: string): boolean => isPure(file) && !CONCERNS_OTHERS.test(readText(file));
  const shared = files.filter(isShared);
  if (shared.length < SHARED_FROM) return files.map((file) => [file]);
  const alone = files.filter((file) => !shared.includes(file));
  const processes = Math.ceil(shared.length / FILES_PER_PROCESS);
  return [
    ...alone.map((file) => [file]),
    ...Array.from({ length: processes }, (_, index) =>
      shared.slice(index * FILES_PER_PROCESS, (index + 1) * FILES_PER_PROCESS),
    ),
  ];
}

/** The file that Node runs for a process. */
export function entryFile(files: readonly string[], folder: string, index: number): string {
  const [first = "", ...others] = files;
  if (others.length === 0) return first;
  const path = join(folder, `shared-${index}.test.mjs`);
  const urls = files.map((file) => JSON.stringify(pathToFileURL(resolve(file)).href));
  writeFileSync(path, urls.map((url) => `import ${url};\n`).join(""));
  return path;
}
