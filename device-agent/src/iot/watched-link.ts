import type { OpenLink } from './mqtt-link.ts';

/** Calls `onRefused` after every attempt that ended before the broker accepted it. */
export function watchAttempts(openLink: OpenLink, onRefused: () => void): OpenLink {
  return (endpoint, events) => {
    let accepted = false;
    const link = openLink(endpoint, {
      onMessage: (message) => events.onMessage(message),
      onEnd: (end) => {
        if (!accepted) onRefused();
        events.onEnd(end);
      },
    });
    return {
      open: async () => {
        const opened = await link.open();
        accepted = true;
        return opened;
      },
      subscribe: (filters) => link.subscribe(filters),
      publish: (message) => link.publish(message),
      close: () => link.close(),
      abort: (error) => link.abort(error),
    };
  };
}
