"""The debate itself, pure: events in, decisions out, time as an argument. No LiveKit, no asyncio, no clock."""
