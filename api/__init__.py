"""The web service: HTTP routes, tokens, dispatch of moderators. Knows nothing of audio; keeps no state of its
own.
"""
