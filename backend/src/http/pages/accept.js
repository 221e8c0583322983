// Opening the page uses nothing up (mail scanners open links too): only the button sends the token.
const message = document.querySelector('#message');
const button = document.querySelector('#confirm');
const token = new URLSearchParams(location.hash.slice(1)).get('token');

if (token === null) {
  message.textContent = 'This link is not complete. Open it once more from the mail.';
  button.hidden = true;
}

async function accept() {
  button.disabled = true;
  try {
    // Signed in by the session cookie of this site; the app opens these links by itself.
    const response = await fetch(button.dataset.action, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    const answer = await response.json();
    message.textContent = response.ok ? accepted(answer) : explain(answer.error);
    button.hidden = response.ok;
  } catch {
    message.textContent = 'No connection. Try again.';
  }
  button.disabled = false;
}

function accepted({ device }) {
  // The token has done its work: it leaves the address bar and the history.
  history.replaceState(null, '', location.pathname);
  return `Done. You find ${device.name} among your devices in the AOVIS app.`;
}

function explain({ code, message: sentence }) {
  if (code !== 'unauthorized') return sentence;
  return 'Sign in first, with the address that the invitation came to: open this link on the phone with the AOVIS app.';
}

button.addEventListener('click', () => {
  void accept();
});
