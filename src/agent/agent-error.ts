/** Why the agent cannot be started or asked. */
export type AgentErrorCode = "alreadyRuns" | "verbUnderWay" | "notRunning";

const MESSAGES: Readonly<Record<AgentErrorCode, (path: string) => string>> = {
  alreadyRuns: (path) =>
    `Cannot start the agent: "${path}" is locked by another agent of this network namespace; stop that one first`,
  verbUnderWay: (path) =>
    `Cannot start the agent: a plugin that was started before it still holds "${path}"; fuser(1) shows which process`,
  notRunning: (path) => `Cannot reach the agent: nothing listens on "${path}"; start it with: podwire agent`,
};

export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, path: string, options?: ErrorOptions) {
    super(MESSAGES[code](path), options);
    this.code = code;
  }
}
