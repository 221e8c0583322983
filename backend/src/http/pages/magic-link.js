// Opening the page uses nothing up (mail scanners open links too): only the button sends the token.
const message = document.querySelector('#message');
const button = document.querySelector('#confirm');
const token = new URLSearchParams(location.hash.slice(1)).get('token');
// The token leaves the address bar and the history.
history.replaceState(null, '', location.pathname);

if (token === null) {
  message.textContent = 'This link is not complete. Open it once more from the mail.';
  button.hidden = true;
}

async function confirm() {
  button.disabled = true;
  try {
    const response = await fetch('/api/auth/web-session', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    const answer = await response.json();
    message.textContent = response.ok ? signedIn(answer) : explain(answer.error);
    button.hidden = response.ok;
  } catch {
    message.textContent = 'No connection. Try again.';
  }
  button.disabled = false;
}

/** The browser has the session's cookie now. A page of ours that opened this one is told; others cannot read it. */
function signedIn(answer) {
  window.opener?.postMessage({ type: 'aovis-signed-in', user: answer.user }, location.origin);
  return 'You are signed in, in this browser. You can close this page and go on where you were.';
}

function explain({ code, message: sentence }) {
  if (code !== 'invalid_token') return sentence;
  return 'This link was used, has expired, or belongs to another device. Open it on the device where you asked for it, or ask for a new one.';
}

button.addEventListener('click', () => {
  void confirm();
});
