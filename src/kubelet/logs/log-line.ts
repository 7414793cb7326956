/** Lines of container logs: `2024-01-02T03:04:05.123456789Z stdout F text`. Source: k8s.io/design-proposals, CRI logging. */
export interface LogLine {
  /** As it is in the file: RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** With the newline, unless only a part of a long line. */
  readonly text: string;
}

/** undefined for what is none, such as the half of a line at the end. The line comes without its newline. */
export function parseLogLine(line: string): LogLine | undefined {
  const match = /^(\S+) (stdout|stderr) ([FP])(?::[^ ]*)?(?: (.*))?$/s.exec(line);
  if (match === null) return undefined;
  const [, time = "", stream, tag, text = ""] = match;
  return { time, stream: stream === "stderr" ? "stderr" : "stdout", text: tag === "F" ? `${text}\n` : text };
}
