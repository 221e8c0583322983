import type { Mail } from '../../mail/mailer.ts';
import type { Order } from './order.ts';

/** «199.00 USD»; currencies without decimals have none. */
function inWords(amountMinor: number, currency: string): string {
  const code = currency.toUpperCase();
  const format = new Intl.NumberFormat('en', { style: 'currency', currency: code, currencyDisplay: 'code' });
  const { maximumFractionDigits: digits = 2 } = format.resolvedOptions();
  return format.format(amountMinor / 10 ** digits).replace('\u00a0', ' ');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Tells the customer that the order was paid. */
export function confirmationMail(to: string, { id, items, totalMinor, currency }: Order): Mail {
  const lines = items.map(
    ({ quantity, name, unitPriceMinor }) =>
      `${quantity} × ${name}, ${inWords(unitPriceMinor, currency)} each`,
  );
  const total = `Total: ${inWords(totalMinor, currency)}`;
  return {
    to,
    subject: 'Your AOVIS order',
    text: [
      'Thank you for your order. We received your payment.',
      '',
      ...lines,
      '',
      total,
      '',
      `Order ${id}`,
      '',
    ].join('\n'),
    html: [
      '<p>Thank you for your order. We received your payment.</p>',
      `<ul>${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`,
      `<p>${total}</p>`,
      `<p>Order ${id}</p>`,
    ].join('\n'),
  };
}
