/* global KVSWebRTC */
const video = document.querySelector('video');
const stateLine = document.querySelector('#state');
const figuresLine = document.querySelector('#figures');
const replyLine = document.querySelector('#reply');

/** For tests: what a person reads on the page, as values. */
window.live = { state: 'new', refused: null, firstFrameMs: null, framesDecoded: 0, replies: [], attempts: 0 };

/** The present attempt; the next one begins when it has failed. */
let current;
let nextWaitMs = 1_000;
/** An offer to a camera that is away for a moment is lost: then another one is due, soon. */
const answerWithinMs = 8_000;
/** From the answer on, over networks that only a relay crosses. */
const connectWithinMs = 30_000;

function show(state, sentence) {
  window.live.state = state;
  stateLine.textContent = sentence;
}

/** To ask again would bring the same answer. */
class Refused extends Error {
  constructor({ code, message }) {
    super(message);
    this.refusal = { code, message };
  }
}

/** Not for this person, or not with this plan; everything else may be otherwise in a moment. */
const finalStatuses = [403, 404];

async function invitation() {
  const response = await fetch('invitation', { method: 'POST' });
  const body = await response.json();
  if (finalStatuses.includes(response.status)) throw new Refused(body.error);
  if (!response.ok) throw new Error(body.error?.message ?? `The backend answered ${response.status}.`);
  return body;
}

async function watch() {
  const startedAt = performance.now();
  window.live.attempts += 1;
  show('connecting', 'Connecting …');
  const { wss_url: signedUrl, ice_servers: iceServers, client_id: clientId } = await invitation();
  const signed = new URL(signedUrl);
  const peer = new RTCPeerConnection({ iceServers });
  const signaling = new KVSWebRTC.SignalingClient({
    role: KVSWebRTC.Role.VIEWER,
    clientId,
    channelARN: signed.searchParams.get('X-Amz-ChannelARN'),
    channelEndpoint: signed.origin,
    region: 'the address is signed',
    requestSigner: { getSignedURL: async () => signedUrl },
  });
  current = { peer, signaling, control: peer.createDataChannel('control') };
  current.control.addEventListener('message', ({ data }) => {
    const reply = JSON.parse(data);
    window.live.replies.push(reply);
    replyLine.textContent = `${reply.status}${reply.error === undefined ? '' : `: ${reply.error.message}`}`;
  });
  peer.addTransceiver('video', { direction: 'recvonly' });
  peer.addEventListener('track', ({ track }) => {
    video.srcObject = new MediaStream([track]);
    video.requestVideoFrameCallback(() => {
      window.live.firstFrameMs = Math.round(performance.now() - startedAt);
      nextWaitMs = 1_000;
    });
  });
  peer.addEventListener('icecandidate', ({ candidate }) => {
    if (candidate !== null && signaling.readyState === 1) signaling.sendIceCandidate(candidate);
  });
  signaling.on('open', async () => {
    await peer.setLocalDescription();
    signaling.sendSdpOffer(peer.localDescription);
  });
  signaling.on('iceCandidate', (candidate) => peer.addIceCandidate(candidate));
  await new Promise((resolve, reject) => {
    let patience = setTimeout(() => reject(new Error('The camera does not answer.')), answerWithinMs);
    signaling.on('sdpAnswer', (answer) => {
      clearTimeout(patience);
      patience = setTimeout(() => reject(new Error('The camera is not reached.')), connectWithinMs);
      const { refused } = answer;
      if (refused === undefined) return peer.setRemoteDescription(answer).catch(reject);
      reject(refused.code === 'invitation_over' ? new Error(refused.message) : new Refused(refused));
    });
    signaling.on('error', () => reject(new Error('The signaling channel refused the viewer.')));
    signaling.on('close', () => {
      if (peer.connectionState === 'new') reject(new Error('The signaling channel closed.'));
    });
    peer.addEventListener('connectionstatechange', () => {
      if (peer.connectionState === 'connected') {
        // The channel has room for ten connections, and has said what it had to say.
        signaling.close();
        clearTimeout(patience);
        show('connected', 'Live.');
      }
      if (peer.connectionState === 'disconnected')
        show('disconnected', 'The connection is broken; it may come back.');
      if (peer.connectionState === 'failed') reject(new Error('The connection was lost.'));
      if (peer.connectionState === 'closed') resolve();
    });
    current.control.addEventListener('close', () => reject(new Error('The camera ended the connection.')));
    signaling.open();
  });
}

function end() {
  const ended = current;
  current = undefined;
  ended?.signaling.close();
  ended?.peer.close();
}

async function watchAgain() {
  try {
    await watch();
  } catch (error) {
    end();
    if (error instanceof Refused) {
      window.live.refused = error.refusal;
      return show('refused', error.message);
    }
    show('waiting', `${error.message} Connecting again …`);
    setTimeout(() => void watchAgain(), nextWaitMs);
    nextWaitMs = Math.min(nextWaitMs * 2, 30_000);
  }
}

async function showFigures() {
  const report = await current?.peer.getStats();
  for (const stats of report?.values() ?? [])
    if (stats.type === 'inbound-rtp' && stats.kind === 'video') {
      window.live.framesDecoded = stats.framesDecoded;
      figuresLine.textContent = `${stats.framesDecoded} frames of ${stats.frameWidth}×${stats.frameHeight}, ${stats.framesDropped} dropped, ${stats.packetsLost} packets lost; the first after ${window.live.firstFrameMs} ms.`;
    }
}
setInterval(() => void showFigures(), 500);

document.querySelector('#commands').addEventListener('click', ({ target }) => {
  const { type, params } = target.dataset;
  if (type === undefined || current?.control.readyState !== 'open') return;
  current.control.send(JSON.stringify({ id: crypto.randomUUID(), type, params: JSON.parse(params) }));
});

addEventListener('pagehide', end);
void watchAgain();
