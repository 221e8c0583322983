import * as z from 'zod';

/**
 * What we read of EIOTCLUB's answers (open platform, package and card interfaces); fields we do not use pass. Numbers
 * have become texts before (`client.ts`). Lists come bare or wrapped with their paging, by method.
 */
function listOf<Item extends z.ZodType>(item: Item) {
  const bare = z.array(item);
  return z.union([
    bare,
    z.null().transform(() => []),
    z.object({ list: bare }).transform(({ list }) => list),
    z.object({ records: bare }).transform(({ records }) => records),
  ]);
}

const identifier = z.string().regex(/^[\w-]{1,64}$/);

/** package/orderPackage. The order's id is also asked for afterwards, so an answer without one is fine. */
export const placedOrderSchema = z.union([
  z.object({ orderId: identifier.nullish() }).transform(({ orderId }) => orderId ?? undefined),
  identifier,
  z.unknown().transform(() => undefined),
]);

/** package/refundPackage: that it succeeded is all there is to know. */
export const refundedOrderSchema = z.unknown().transform(() => undefined);

/** package/getOrderPackageDetails. `state`: 0 waiting, 1 in use, 2 done (used up, over, or refunded). */
export const orderDetailsSchema = listOf(
  z.object({
    orderId: identifier.nullish(),
    outTradeNo: identifier.nullish(),
    state: z.enum(['0', '1', '2']),
  }),
);

/** card/getAllCardInfo. */
export const cardListSchema = listOf(
  z.object({
    iccid: z.string().regex(/^\d{18,20}$/),
    imsi: z
      .string()
      .regex(/^\d{5,16}$/)
      .nullish()
      .catch(undefined),
    eid: z
      .string()
      .regex(/^\d{32}$/)
      .nullish()
      .catch(undefined),
    cardStatus: z.string().max(64).nullish(),
  }),
);
