/** No credentials now. The message says what to mend; `needsPerson` tells a fault of the set-up from a passing one. */
export class CredentialError extends Error {
  readonly needsPerson: boolean;

  constructor(message: string, needsPerson: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CredentialError';
    this.needsPerson = needsPerson;
  }
}

export interface CredentialRequest {
  host: string;
  roleAlias: string;
  thing: string;
}

/** What the credential provider says, and what it means for the person who set the board up. */
const remedies: [status: number, message: RegExp, remedy: (request: CredentialRequest) => string][] = [
  [
    403,
    /invalid thing name/i,
    ({ thing }) => `attach this board's certificate to the thing ${thing} (AttachThingPrincipal)`,
  ],
  [
    403,
    /invalid on this endpoint/i,
    ({ host }) =>
      `${host} belongs to another account or region: correct endpoints.credentials in device.json`,
  ],
  [
    403,
    /access denied/i,
    ({ roleAlias }) =>
      `allow iot:AssumeRoleWithCertificate on rolealias/${roleAlias} in the IoT policy of this board's certificate`,
  ],
  [
    404,
    /role alias/i,
    ({ roleAlias }) => `create the role alias ${roleAlias}, or correct role_alias in device.json`,
  ],
  [
    400,
    /unable to assume/i,
    ({ roleAlias }) =>
      `check that the role behind ${roleAlias} exists and that credentials.iot.amazonaws.com may assume it`,
  ],
  [
    400,
    /MaxSessionDuration/i,
    ({ roleAlias }) =>
      `shorten the credential duration of ${roleAlias}, or lengthen its role's maximum session`,
  ],
];

/** An answer of the credential provider that is not 200, as an error whose message names the remedy. */
export function refusedCredentials(
  status: number,
  message: string,
  request: CredentialRequest,
): CredentialError {
  const known = remedies.find(([code, pattern]) => code === status && pattern.test(message));
  const said = `The credential provider ${request.host} answered ${status} «${message.slice(0, 200)}»`;
  if (known !== undefined) return new CredentialError(`${said}: ${known[2](request)}.`, true);
  const passing = status === 429 || status >= 500;
  return new CredentialError(
    passing
      ? `${said}: the agent tries again.`
      : `${said}: check the certificate, its policy and the role alias.`,
    !passing,
  );
}
