"""Ways to choose what is labelled next; `registry` has them all."""
