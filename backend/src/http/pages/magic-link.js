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

button.addEventListener('click', async () => {
  button.disabled = true;
  try {
    const response = await fetch('/api/auth/app-magic-link/verify', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    const answer = await response.json();
    if (response.ok) {
      // A web app that opened this page gets the tokens; nobody else on this origin is listening.
      window.opener?.postMessage({ type: 'aovis-signed-in', ...answer }, location.origin);
      message.textContent = 'Signed in. You can close this page.';
      button.hidden = true;
      return;
    }
    message.textContent =
      answer.error.code === 'invalid_token'
        ? 'This link was used, has expired, or belongs to another device. Open it on the device where you asked for it, or ask for a new one.'
        : answer.error.message;
  } catch {
    message.textContent = 'No connection. Try again.';
  }
  button.disabled = false;
});
