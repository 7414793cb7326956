/** How the table of commands is written: groups of steps, each one command and what Kubernetes prints for it. */

/** See expected-text.ts. A function where versions of kubectl differ, by the minor version: 29 for 1.29. */
export type Text = string | RegExp | ((minor: number) => string | RegExp);

export interface Step {
  /** Arguments of kubectl, as a shell takes them apart; quotes are '…' or "…". */
  readonly run: string;
  readonly stdin?: string;
  /** EDITOR, for example; `$FOLDER` is the group's own folder, where kubectl runs. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Nothing, if not given. */
  readonly stdout?: Text;
  readonly stderr?: Text;
  /** 0, if not given. */
  readonly code?: number;
  /** For commands that go on until something happens. */
  readonly meanwhile?: Meanwhile;
  /** Oldest kubectl that has the command or flag. */
  readonly since?: number;
  /** Key in known-gaps.ts: what is written here is what Podwire prints. */
  readonly gap?: string;
}

export interface Meanwhile {
  /** What kubectl has printed, with its log on stderr, before the rest happens. */
  readonly after: string | RegExp;
  /** Run one by one. */
  readonly steps?: readonly Step[];
  /** Gets what stdout holds so far. */
  readonly act?: (stdout: string) => Promise<void>;
  /** "end": kubectl ends by itself. "output": it is interrupted as soon as stdout is what is expected. */
  readonly until: "end" | "output";
}

export interface CaseGroup {
  /** Also its namespace. */
  readonly name: string;
  /** Run for every version, not for the oldest and the newest alone. */
  readonly isEssential?: true;
  /** Names and contents in the folder where kubectl runs. */
  readonly files?: Readonly<Record<string, string>>;
  /** Nodes of its own, which take only pods that tolerate the taint `group=NAME`. */
  readonly nodes?: readonly string[];
  readonly steps: readonly Step[];
}
