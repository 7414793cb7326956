/** Loaded before a program: ends it behind the KILL_STEP-th change that it makes on disk below KILL_FOLDER. */
import fs, { type PathLike } from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const folder = process.env["KILL_FOLDER"] ?? "";
const lastStep = Number(process.env["KILL_STEP"]);
const descriptors = new Set<number>();
let steps = 0;

function step(): void {
  steps += 1;
  if (steps === lastStep) process.kill(process.pid, "SIGKILL");
}

function stepAt(path: PathLike): void {
  if (String(path).startsWith(folder)) step();
}

const { openSync, writeSync, ftruncateSync, closeSync, mkdirSync, unlinkSync, utimesSync } = fs;

Object.assign(fs, {
  openSync(...args: Parameters<typeof openSync>) {
    const fd = openSync(...args);
    if (String(args[0]).startsWith(folder)) {
      descriptors.add(fd);
      step();
    }
    return fd;
  },
  writeSync(fd: number, text: string) {
    const written = writeSync(fd, text);
    if (descriptors.has(fd)) step();
    return written;
  },
  ftruncateSync(fd: number, length: number) {
    ftruncateSync(fd, length);
    if (descriptors.has(fd)) step();
  },
  closeSync(fd: number) {
    closeSync(fd);
    if (descriptors.delete(fd)) step();
  },
  mkdirSync(...args: Parameters<typeof mkdirSync>) {
    const made = mkdirSync(...args);
    stepAt(args[0]);
    return made;
  },
  unlinkSync(path: PathLike) {
    unlinkSync(path);
    stepAt(path);
  },
  utimesSync(...args: Parameters<typeof utimesSync>) {
    utimesSync(...args);
    stepAt(args[0]);
  },
});
syncBuiltinESMExports();
