// Where the QR code of a label leads. The code is in the fragment, which browsers send to no server.
const [activation, signIn] = [document.querySelector('#activation'), document.querySelector('#sign-in')];
const [device, code, email] = ['#device', '#code', '#email'].map((id) => document.querySelector(id));
const message = document.querySelector('#message');
code.value = readCode(location.hash.slice(1));
// Whoever has the code may take the camera: it leaves the address bar and the history.
history.replaceState(null, '', location.pathname);
const pauseMs = 1_000;

/** In groups, as it is printed; legacy codes are shorter. */
function readCode(text) {
  return (text.match(/[0-9A-Za-z]{1,6}/g) ?? []).join('-');
}

/** `N4K-000123` and `aovis-n4k-000123` are on the label; the API takes the second. */
function deviceId() {
  return `aovis-${device.value
    .trim()
    .toLowerCase()
    .replace(/^aovis-/, '')}`;
}

async function ask(path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(path, body && { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, answer: await response.json() };
}

async function activate() {
  const body = { aovis_device_id: deviceId(), activation_code: code.value };
  const { status, answer } = await ask('/api/devices/activate', body);
  signIn.hidden = answer.error?.code !== 'unauthorized';
  if (status === 200) return done(answer.device);
  if (status === 202) return untilConfirmed(answer);
  if (!signIn.hidden)
    return 'Sign in first: we mail you a link. Open it in this browser, then come back and press Activate again.';
  return answer.error.message;
}

/** The camera has been asked to confirm that it is in front of somebody. */
async function untilConfirmed(claim) {
  message.textContent = 'The camera is asked to confirm. If its light does not blink, press its button.';
  let current = claim;
  while (current.status === 'pending') {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const { status, answer } = await ask(`/api/devices/claims/${claim.claim_id}`);
    if (status !== 200) return answer.error.message;
    current = answer;
  }
  return current.activation
    ? done(current.activation.device)
    : (current.failure?.message ?? 'Activate it once more.');
}

function done({ name }) {
  activation.hidden = true;
  code.value = '';
  return `Done. You find ${name} among your devices in the AOVIS app.`;
}

async function mailLink() {
  const { status, answer } = await ask('/api/auth/app-magic-link', { email: email.value });
  if (status !== 202) return answer.error.message;
  return `A link is on its way to ${email.value}. Open it in this browser, then come back and press Activate.`;
}

/** Does the work of a form, and tells what came of it. */
function run(form, work) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    button.disabled = true;
    try {
      message.textContent = await work();
    } catch {
      message.textContent = 'No connection. Try again.';
    }
    button.disabled = false;
  });
}

run(activation, activate);
run(signIn, mailLink);
