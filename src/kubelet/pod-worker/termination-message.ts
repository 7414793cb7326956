/** Last words of a container: its termination message file, or the end of its log. Source: Kubernetes documentation, "Determine the Reason for Pod Failure". */
import { open } from "node:fs/promises";
import type { ContainerStatus } from "#cri/container-messages.ts";
import { MESSAGE_PATH_ANNOTATION, MESSAGE_POLICY_ANNOTATION } from "../container/container-config.ts";
import { parseLogLine } from "../logs/log-line.ts";

const MAX_FILE_BYTES = 4096;
const MAX_LOG_BYTES = 2048;
const MAX_LOG_LINES = 80;

/** Never fails: without words there are none. */
export async function lastWords({ annotations, exitCode, logPath }: ContainerStatus): Promise<string> {
  const path = annotations[MESSAGE_PATH_ANNOTATION] ?? "";
  const written = path === "" ? "" : await readEnd(path, MAX_FILE_BYTES);
  const usesLog = annotations[MESSAGE_POLICY_ANNOTATION] === "FallbackToLogsOnError" && exitCode !== 0;
  if (written !== "" || !usesLog || logPath === "") return written;
  const lines = (await readEnd(logPath, 4 * MAX_LOG_BYTES)).split("\n").slice(-MAX_LOG_LINES);
  const text = lines.map((line) => parseLogLine(line)?.text ?? "").join("");
  return text.slice(-MAX_LOG_BYTES);
}

async function readEnd(path: string, maxBytes: number): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const length = Math.min(size, maxBytes);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString("utf8");
  } catch {
    return "";
  }
}
