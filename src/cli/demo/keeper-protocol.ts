/** What the process that keeps a demo tells the command that started it, over Node's IPC channel. */
import type { DemoReport } from "./report.ts";

export type KeeperMessage =
  | { readonly kind: "phase"; readonly line: string }
  /** The demo is up and stays; the last message. */
  | { readonly kind: "kept"; readonly report: DemoReport }
  /** It could not be brought up and is down again; the last message. */
  | { readonly kind: "failed"; readonly text: string; readonly exitCode: number };
