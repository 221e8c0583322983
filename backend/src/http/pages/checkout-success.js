// The address proves nothing, so the page shows everybody the status alone; only its signed-in owner sees the order.
const message = document.querySelector('#message');
const items = document.querySelector('#items');
const again = document.querySelector('#again');
const sessionId = new URLSearchParams(location.search).get('session_id');
// The session leaves the address bar and the history.
history.replaceState(null, '', location.pathname);

const sentences = {
  paid: 'Thank you. Your payment has come, and we will mail you the details.',
  processing: 'Your payment is on its way. We will mail you when it has come; you may close this page.',
  failed: 'This order was not paid, and nothing was taken. You can order once more.',
};
/** Webhooks come within seconds as a rule; slow ways to pay take days. */
const waitsMs = [1_000, 2_000, 3_000, 5_000, 8_000, 13_000];

async function look(waits = waitsMs) {
  again.hidden = true;
  try {
    const response = await fetch(`/api/checkout/success?session_id=${encodeURIComponent(sessionId)}`);
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error.message);
    message.textContent = sentences[answer.status];
    show(answer.order);
    if (answer.status !== 'processing') return;
    if (waits.length > 0) setTimeout(() => void look(waits.slice(1)), waits[0]);
    else again.hidden = false;
  } catch {
    message.textContent = 'We cannot be reached right now. Your order is safe; look again in a minute.';
    again.hidden = false;
  }
}

function show(order) {
  if (order === undefined) return;
  items.replaceChildren(
    ...order.items.map(({ quantity, name }) => {
      const line = document.createElement('li');
      line.textContent = `${quantity} × ${name}`;
      return line;
    }),
  );
  items.hidden = false;
}

again.addEventListener('click', () => void look([]));
if (sessionId === null)
  message.textContent = 'This address is not complete. Your order is safe: see your mail.';
else void look();
