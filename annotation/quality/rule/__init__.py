"""When answers make a label: what an answer says, how far its giver is trusted, and what all of them come to."""
