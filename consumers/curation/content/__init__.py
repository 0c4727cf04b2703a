"""Rules about content, as pure functions: bytes or words in, facts or an objection out."""
