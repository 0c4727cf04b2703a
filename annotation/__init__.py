"""The humans: what they are asked to label, how their answers come back, and how far they agree.

Empty for now: the loop is built up to search and recording; selection and the Label Studio bridge come next. The facts
they will exchange are declared already, in `schemas/annotations.py`.
"""
