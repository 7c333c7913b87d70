"""Speech recognition, language models and voices: one file a vendor, and the chains that are built of them.

Nothing here knows of debates. Importing this package loads no vendor's SDK and no model.
"""
