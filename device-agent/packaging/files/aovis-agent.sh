#!/bin/sh
# aovis-agent with the settings of the service, where this user may read them.
settings=/etc/aovis-agent/agent.env
if [ -r "$settings" ]; then
  exec /usr/bin/node --env-file="$settings" /usr/lib/aovis-agent/aovis-agent.cjs "$@"
fi
exec /usr/bin/node /usr/lib/aovis-agent/aovis-agent.cjs "$@"
