import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const page = `<!doctype html><meta charset="utf-8"><title>AOVIS Direct: live</title>
<style>body{margin:0;background:#111;color:#eee;font:16px system-ui}video{width:100vw;height:calc(100vh - 2rem)}p{margin:.3rem 1rem}</style>
<video muted autoplay playsinline controls></video><p>waiting for the first frame</p>
<script src="/hls.js"></script><script>
const video = document.querySelector('video'), line = document.querySelector('p');
window.failure = null;
const hls = new Hls({ liveSyncDurationCount: 2, lowLatencyMode: false });
hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) window.failure = data.type + ': ' + data.details; });
hls.loadSource(new URLSearchParams(location.search).get('src'));
hls.attachMedia(video);
setInterval(() => {
  const quality = video.getVideoPlaybackQuality();
  line.textContent = quality.totalVideoFrames + ' frames shown, ' + quality.droppedVideoFrames + ' dropped';
}, 250);
</script>`;

export interface PlayerPage {
  /** Open it in any browser: the live picture, and how many frames were shown. */
  url: string;
  close(): Promise<void>;
}

/** Serves a page with hls.js that plays an HLS URL, on a free port of this machine. */
export async function servePlayer(hlsUrl: string): Promise<PlayerPage> {
  const hlsScript = readFileSync(createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js'));
  const server = createServer((request, response) => {
    const isScript = request.url === '/hls.js';
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html; charset=utf-8' });
    response.end(isScript ? hlsScript : page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/?src=${encodeURIComponent(hlsUrl)}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
