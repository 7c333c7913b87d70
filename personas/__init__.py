"""What a moderator is like, as data: one TOML file a persona, and the registry that both processes share."""
