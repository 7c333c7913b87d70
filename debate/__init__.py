"""The debate itself, pure: events in, decisions out, time as an argument."""
