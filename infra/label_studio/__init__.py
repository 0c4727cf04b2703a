"""The embedded Label Studio: the real server, in a virtual environment of its own, with nothing installed by hand.

Any other Label Studio takes its place by `label_studio.url`.
"""
