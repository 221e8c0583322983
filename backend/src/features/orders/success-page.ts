import type { OrderView } from '@aovis/contracts/http/store';
import { cardPage, type Html, html } from '../../http/html.ts';
import type { RenderedPage } from '../../http/rendered-page.ts';
import type { CheckoutStatus, OrderService } from './order-service.ts';

/** The page looks again by itself after so many seconds, until the payment has come or not. */
const refreshSeconds = 3;
/** Slow ways to pay take days; who is still there after an hour reads the mail. */
const cookieSeconds = 3_600;

const sentences: Readonly<Record<CheckoutStatus['status'], string>> = {
  paid: 'Thank you. Your payment has come, and we will mail you the details.',
  processing: 'Your payment is on its way. We will mail you when it has come; you may close this page.',
  failed: 'This order was not paid, and nothing was taken. You can order once more.',
};

/**
 * Where the payment page sends people. Its address names the checkout, which ends up in histories: the name goes into a
 * cookie at once, and the page has an address without it. It shows everybody the status alone; only the signed-in owner
 * sees the order.
 */
export function successPage(
  orders: OrderService,
  { path, publicUrl }: { path: string; publicUrl: string },
): RenderedPage {
  const cookieName = new URL(publicUrl).protocol === 'https:' ? '__Secure-aovis_checkout' : 'aovis_checkout';
  const attributes = `Path=${path}; Max-Age=${cookieSeconds}; HttpOnly; SameSite=Lax`;
  const secure = cookieName.startsWith('__Secure-') ? '; Secure' : '';
  return {
    path,
    async render({ query, visitor, requestContext }) {
      const named = query['session_id'];
      if (typeof named === 'string' && /^[\w-]{1,255}$/.test(named)) {
        const headers = { 'Set-Cookie': `${cookieName}=${named}; ${attributes}${secure}` };
        return { redirectTo: path, headers };
      }
      const [, sessionId] =
        new RegExp(`(?:^|; )${cookieName}=([\\w-]{1,255})`).exec(requestContext.header('cookie') ?? '') ?? [];
      if (sessionId === undefined)
        return { html: page(html`<p>This address is not complete. Your order is safe: see your mail.</p>`) };
      const { status, order } = await orders.getCheckoutStatus(sessionId, visitor?.id);
      const content = html`<p role="status">${sentences[status]}</p>
      ${order && orderLines(order)}`;
      return {
        html: page(content),
        ...(status === 'processing' && { headers: { Refresh: String(refreshSeconds) } }),
      };
    },
  };
}

function page(content: Html): Html {
  return cardPage({ title: 'Your AOVIS order', content });
}

function orderLines({ items, total_minor, currency }: OrderView): Html {
  return html`<ul>
        ${items.map(({ quantity, name }) => html`<li>${quantity} × ${name}</li>`)}
      </ul>
      <p>${new Intl.NumberFormat('en', { style: 'currency', currency }).format(total_minor / 100)} in all</p>`;
}
