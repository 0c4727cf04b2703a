"""The humans: what they are asked to label, how their answers come back, how far they agree, and what it was worth.

`tasks.py` says what is asked; `selection/` chooses whom to ask about, `label_studio/` asks, `quality/` settles answers
into labels, `account/` tells how many labels the selection saved.
"""
