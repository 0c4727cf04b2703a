"""`millrace demo`: the loop on real parts and real input, checked against what was put in, ending with a report."""
