"""Records as earlier releases and other producers wrote them. They must decode for ever: add files, never edit one."""
