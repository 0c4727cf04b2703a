"""The half of the demo in which models are trained, judged, released and sent back while people search."""
