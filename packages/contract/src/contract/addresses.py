"""Where the gateway takes webhooks in: these paths, then ``/`` and an app's token."""

ALLOCATION = "/allocate-agent/webhook"
RESOLVE = "/mark-as-solved/webhook"
