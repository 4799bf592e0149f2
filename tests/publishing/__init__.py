"""Events that handlers give, and what becomes of them."""
