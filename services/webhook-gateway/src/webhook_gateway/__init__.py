"""Takes the platform's webhooks in and answers when they are durable."""
