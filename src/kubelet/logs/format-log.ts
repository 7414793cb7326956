/** Lines of a log file as a client wants them. Bytes pass as they are: strings here hold one byte a character. */
import { parseLogLine } from "./log-line.ts";
import type { LogQuery } from "./log-query.ts";

export const BYTES = "latin1";

export interface LogFormatter {
  /** Takes what was read, gives what is to be sent. A line's end may come with the next piece. */
  take(chunk: Buffer): Buffer;
  /** The client wants no more. */
  isFull(): boolean;
  /** Begins another file. */
  reset(): void;
}

export function createLogFormatter({ hasTimes, sinceMs, limitBytes }: LogQuery): LogFormatter {
  let left = limitBytes ?? Number.POSITIVE_INFINITY;
  let rest = "";
  /** Streams whose last piece did not end its line. */
  const open = new Set<string>();

  function format(line: string): string {
    const parsed = parseLogLine(line);
    if (parsed === undefined || left <= 0) return "";
    const { time, stream, text } = parsed;
    if (sinceMs !== undefined && Date.parse(time) < sinceMs) return "";
    const whole = hasTimes && !open.has(stream) ? `${fullTime(time)} ${text}` : text;
    if (text.endsWith("\n")) open.delete(stream);
    else open.add(stream);
    const shown = whole.slice(0, left);
    left -= shown.length;
    return shown;
  }

  return {
    take(chunk) {
      const lines = (rest + chunk.toString(BYTES)).split("\n");
      rest = lines.pop() ?? "";
      return Buffer.from(lines.map(format).join(""), BYTES);
    },
    isFull: () => left <= 0,
    reset() {
      rest = "";
    },
  };
}

/** Runtimes leave zeros at the end out; kubelets show all nine digits. */
function fullTime(time: string): string {
  return time.replace(/(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/, (_, digits: string = "", zone: string) => {
    return `.${digits.padEnd(9, "0")}${zone}`;
  });
}
