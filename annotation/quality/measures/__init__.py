"""How far answers agree: corrected for chance where they are classes, by overlap where they are regions."""
