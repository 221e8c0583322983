/**
 * Codes of the envelope. The vendor publishes a table that was not at hand: the classes are real, the numbers are this
 * stand-in's. A client must not depend on any but 200.
 */
export const codes = {
  wrongAppkey: '10001',
  wrongSign: '10002',
  staleTimestamp: '10003',
  badNonce: '10004',
  badParameter: '10005',
  tooManyRequests: '10006',
  noSuchMethod: '10007',
  noSuchCard: '20001',
  noSuchPackage: '20002',
  balanceTooLow: '20003',
  noSuchOrder: '20004',
  notRefundable: '20005',
  outTradeNoReused: '20006',
  internal: '50000',
} as const;
export type ErrorName = keyof typeof codes;

/** A refusal in the envelope `{code, message, data: null}`; HTTP 200 unless said otherwise. */
export class EiotclubError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(name: ErrorName, message: string, status = 200) {
    super(message);
    this.code = codes[name];
    this.status = status;
  }
}
