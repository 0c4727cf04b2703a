"""Encoders: items and queries to vectors of one shared space.

`port.py` says what an encoder is, `mini.py` is the default one (text tower `minilm.py`, picture tower
`image_tower.py`), `hashing.py` needs no weights. `loading.py` chooses by `config.py`. Neither the port nor the hashing
encoder imports torch.
"""
