import * as z from 'zod';
import type { CarrierNotice, CarrierNotices, CarrierReference } from '../features/data-plans/sim-carrier.ts';
import { AppError } from '../kernel/errors.ts';
import { findAmbiguity, findUnstorable } from './ambiguity.ts';
import { numbersAsText, parseLossless } from './lossless-json.ts';

const iccid = z.string().regex(/^\d{18,20}$/);
const eid = z.string().regex(/^[0-9A-Za-z]{1,32}$/);
const identifier = z.string().regex(/^[\w-]{1,64}$/);
const outTradeNo = z.string().regex(/^[0-9A-Za-z]{1,32}$/);
const amount = z.string().regex(/^\d{1,9}\.\d{2}$/);

/** How a notification says which order or card it is about. */
const references = {
  iccid: iccid.nullish(),
  eid: eid.nullish(),
  outTradeNo: outTradeNo.nullish(),
  orderId: identifier.nullish(),
};

const alerts = { '1': 'below_100_mb', '2': 'below_10_percent', '3': 'below_7_days' } as const;

const usageAlert = z.object({
  ...references,
  alert_type: z.enum(['1', '2', '3']),
  alert_value: z.string().max(64),
});
/** One message may tell of several packages of a card. */
const packageChange = z.object({
  ...references,
  data: z.union([z.object(references), z.array(z.object(references)).max(100)]).nullish(),
});
const packageActivation = z.object({
  ...references,
  data: z.object({ ...references, packageCode: identifier, state: z.enum(['0', '1', '2']) }),
});
const refund = z.object({
  ...references,
  outTradeNo,
  orderAmount: amount,
  refundAmount: amount,
  eshopOrderId: z
    .string()
    .regex(/^\d{1,20}$/)
    .nullish(),
});
const stoppedCard = z.object({ ...references, iccid });

type Kind = CarrierNotice['kind'];

/** EIOTCLUB open platform, "notifications". Fields that are not named here are not looked at. */
const events: Readonly<Record<string, { kind: Kind; schema: z.ZodType }>> = {
  FlowAlert: { kind: 'usage_alert', schema: usageAlert },
  CloudESimFlowAlert: { kind: 'usage_alert', schema: usageAlert },
  SubPkgList: { kind: 'order_changed', schema: packageChange },
  CloudESimSubPkgList: { kind: 'order_changed', schema: packageChange },
  PkgEffective: { kind: 'order_changed', schema: packageChange },
  CloudESimPkgActivate: { kind: 'order_changed', schema: packageActivation },
  CloudESimRefund: { kind: 'order_refunded', schema: refund },
  CardStopped: { kind: 'card_stopped', schema: stoppedCard },
};

const envelope = z.object({
  id: z.string().regex(/^[\x21-\x7e]{1,128}$/),
  event: z.string().regex(/^[A-Za-z]\w{0,63}$/),
});

/** Reads what `EiotclubSignatures` let in. */
export class EiotclubNotices implements CarrierNotices {
  /** @throws AppError invalid_request naming the field that does not fit, never its value */
  read(rawBody: Buffer): CarrierNotice {
    const body = numbersAsText(parseLossless(rawBody.toString('utf8')));
    refuseAt(findUnstorable(body), 'holds characters that cannot be stored');
    const { id, event } = parse(envelope, body);
    const kept = withoutSignature(body);
    const known = Object.hasOwn(events, event) ? events[event] : undefined;
    if (known === undefined) return { id, event, kept, kind: 'unknown', about: [] };
    refuseAt(findAmbiguity(body), 'holds & or =, so its signature could stand for another message');
    const fields = parse(known.schema, body) as Fields;
    return { id, event, kept, kind: known.kind, about: aboutOf(fields), ...alertOf(fields) };
  }
}

interface References {
  iccid?: string | null;
  eid?: string | null;
  outTradeNo?: string | null;
  orderId?: string | null;
}
interface Fields extends References {
  alert_type?: keyof typeof alerts;
  data?: References | References[] | null;
}

/** Some forms put them into `data`, for one package or for several. */
function aboutOf({ data, ...outer }: Fields): CarrierReference[] {
  const inner = Array.isArray(data) ? data : [data ?? {}];
  return inner.map((one) => {
    const of = (name: keyof References): string | undefined => one[name] ?? outer[name] ?? undefined;
    return { iccid: of('iccid'), eid: of('eid'), outTradeNo: of('outTradeNo'), orderId: of('orderId') };
  });
}

function alertOf({ alert_type }: Fields): Pick<CarrierNotice, 'alert'> {
  return alert_type === undefined ? {} : { alert: alerts[alert_type] };
}

function withoutSignature(body: unknown): Record<string, unknown> {
  const { sign: _, ...kept } = body as Record<string, unknown>;
  return kept;
}

function refuseAt(path: string | undefined, message: string): void {
  if (path !== undefined) throw new AppError('invalid_request', { details: [{ path, message }] });
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new AppError('invalid_request', {
    details: result.error.issues.map(({ path, message }) => ({
      path: ['body', ...path.map(String)].join('.'),
      message,
    })),
  });
}
