"""Label quality: how far annotators agree, when their answers make a label, and how far each of them is trusted.

`measures/` are agreement measures as the literature has them; `rule/` is the consensus rule as pure functions; the rest
keeps answers, tells the loop what became of them, and reports.
"""
