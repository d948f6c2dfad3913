"""`byway sessions`: what each process of a server has."""
