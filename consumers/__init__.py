"""The loop, one folder a stage, alphabetically as it turns: curation, embedding, indexing, recording, scoring, signals.

Each folder has a `stage.py` whose first line is its arrow, from the topic it reads to the topics it answers on. Stages
do not import each other: they speak through topics.
"""
