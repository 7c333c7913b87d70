"""The job process of one room: ears that listen, a conductor that speaks, and the room that joins them.

Decides nothing about who may speak: that is `debate/`. Knows no vendor: that is `providers/`.
"""
