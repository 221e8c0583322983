/**
 * Every error code the HTTP API may answer, with its status and its public sentence. The only place that ties a
 * code to a status; OpenAPI, the error handler and the documentation are made from it.
 */
export const errorCodes = {
  // Requests in general
  invalid_json: [400, 'The body is not valid JSON.'],
  invalid_request: [400, 'The request does not fit the schema; details name each field.'],
  missing_fields: [400, 'Required fields are missing.'],
  unsupported_media_type: [415, 'Send application/json.'],
  payload_too_large: [413, 'The body is too large.'],
  not_found: [404, 'There is nothing at this address.'],
  method_not_allowed: [405, 'This address does not know that method; see the Allow header.'],
  rate_limited: [429, 'Too many requests; wait as long as Retry-After says.'],
  idempotency_key_reused: [422, 'This Idempotency-Key was used with another body.'],
  idempotency_in_progress: [409, 'A request with this Idempotency-Key is still running.'],
  internal_error: [500, 'Something went wrong on our side. Quote the request id when you report it.'],
  service_unavailable: [503, 'The service cannot answer right now; try again.'],
  // Signing in
  unauthorized: [401, 'Sign in first: no valid access token came with the request.'],
  csrf_refused: [403, 'This came from a page of another origin; only our own pages may do that.'],
  forbidden: [403, 'Your role does not allow that: ask the owner of the device, or an administrator.'],
  invalid_provider: [400, 'The provider is unknown; use google or apple.'],
  invalid_token: [401, 'The token is not valid, was used, or has expired.'],
  provider_unavailable: [503, 'The sign-in provider cannot be reached; try again.'],
  invalid_email: [400, 'This is not an e-mail address.'],
  // Account
  session_not_found: [404, 'You have no such session.'],
  fresh_sign_in_required: [403, 'Sign in once more first: this takes a sign-in of the last minutes.'],
  // Activation
  activation_code_required: [
    400,
    'The activation code is missing; it is printed on the label of the device.',
  ],
  invalid_activation_code: [403, 'The device id or the activation code is not right.'],
  device_not_provisioned: [409, 'This device has not been released by the factory yet.'],
  iccid_mismatch: [403, 'The SIM card is not the one that belongs to this device.'],
  device_owned_by_another_user: [403, 'This device belongs to somebody else.'],
  device_proof_required: [409, 'The device itself must confirm: put it into claim mode and try again.'],
  device_proof_timeout: [
    504,
    'The device did not confirm in time; check that it is online and in claim mode.',
  ],
  claim_pending: [409, 'Somebody else is activating this device at this moment; try again in two minutes.'],
  claim_not_found: [404, 'You have begun no such activation; activate the device once more.'],
  // Devices
  device_not_found: [404, 'You have no such device.'],
  entitlement_required: [403, 'This needs a plan that you do not have; details name the capability.'],
  stream_not_available: [409, 'The device has sent no video for this time yet.'],
  invalid_range: [400, 'The time range is not valid.'],
  shadow_version_conflict: [409, 'The shadow changed meanwhile; read it again and retry with its version.'],
  device_offline: [409, 'The device is offline.'],
  command_not_found: [404, 'There is no such command.'],
  device_timeout: [504, 'The device did not answer in time.'],
  feature_disabled: [503, 'This feature is not configured here.'],
  consent_required: [403, 'This needs your consent, which you give in your account; details name it.'],
  // Sharing and handing over
  share_not_found: [404, 'This device has no such share.'],
  too_many_shares: [409, 'This device is shared with as many people as it can be; end a share first.'],
  invitation_not_found: [404, 'This invitation is not valid, was used, or has expired; ask for a new one.'],
  invitation_for_another_address: [
    403,
    'This invitation was sent to another address; sign in with the address that it came to.',
  ],
  already_owner: [409, 'This device is yours already.'],
  transfer_not_found: [404, 'This device is not on offer to anybody.'],
  transfer_already_offered: [409, 'This device is on offer already; withdraw that offer first.'],
  // Boards and factory
  invalid_signature: [401, 'The signature is missing, stale or wrong.'],
  invalid_manifest: [400, 'The manifest does not fit the schema or carries a device twice.'],
  unknown_station: [401, 'No active station with this id and key is registered.'],
  invalid_station_request: [400, 'The request does not fit the schema, or is of another kind.'],
  batch_leased: [
    409,
    'Another station is at work on this list of boards; details say which, and until when.',
  ],
  factory_key_refused: [
    401,
    'No factory API key that counts came with the request: send «Authorization: Bearer aovis_fk_…»; yours may be mistyped, revoked or past its end.',
  ],
  factory_scope_missing: [
    403,
    'The factory API key is not good for this; details name the scope that it lacks.',
  ],
  board_conflict: [409, 'The board is not in a state in which that can be done; details say why.'],
  credentials_not_ready: [409, 'The credentials are still being made; ask again in a moment.'],
  credentials_shown: [
    410,
    'These credentials were shown already and are erased here; rotate them if they are lost.',
  ],
  manifest_conflict: [409, 'The manifest disagrees with what is stored; details name each device.'],
  // Store
  product_not_found: [404, 'There is no such product.'],
  out_of_stock: [409, 'There are not enough pieces left; details name the variants.'],
  mixed_currencies: [400, 'Order things of one currency at a time.'],
  payment_provider_unavailable: [
    503,
    'The payment provider cannot be reached; nothing was ordered, try again.',
  ],
  order_not_found: [404, 'There is no such order.'],
  refund_not_possible: [409, 'This cannot be refunded; details say how much can be.'],
  // Data plans
  plan_not_found: [404, 'There is no such data plan on sale.'],
  sim_provider_error: [502, 'The SIM carrier did not do what it was asked; it will be tried again.'],
  cron_not_configured: [500, 'Scheduled calls have no secret here yet; the operator must set it.'],
  purchase_not_found: [404, 'There is no such purchase.'],
  // Staff
  user_not_found: [404, 'There is no such user.'],
  sku_taken: [409, 'A SKU belongs to one variant of one product; details name those that do not.'],
  entitlement_not_found: [404, 'There is no such right, or it is over for good.'],
  dead_letter_not_found: [404, 'There is no such given-up message; it may have been handled meanwhile.'],
  // Webhooks
  webhook_not_configured: [500, 'This webhook has no signing secret here yet; the operator must set it.'],
  livemode_mismatch: [400, 'A test event came to the live shop, or a live one to a test shop.'],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type ErrorCode = keyof typeof errorCodes;

export function statusOf(code: ErrorCode): number {
  return errorCodes[code][0];
}

export function publicMessageOf(code: ErrorCode): string {
  return errorCodes[code][1];
}
