/** Exit codes of `aovis-agent`, one meaning each; docs/agent.md has the same table. */
export const exitCodes = {
  unexpected: 1,
  usage: 2,
  bundleMissing: 10,
  bundleLoose: 11,
  bundleInvalid: 12,
  certificateExpired: 13,
  clockWrong: 14,
  stateInUse: 15,
  stateUnusable: 16,
  notRunning: 17,
  notClaimable: 18,
  eventNotStored: 19,
  doctorFound: 20,
  notConfirmed: 21,
  restart: 22,
  clockUnknown: 23,
} as const;
export type RefusalCode = keyof typeof exitCodes;

/** The agent will not start: the message is one or more sentences that say what to do. Never carries secrets. */
export class Refusal extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Refusal';
    this.code = code;
  }

  get exitCode(): number {
    return exitCodes[this.code];
  }
}
