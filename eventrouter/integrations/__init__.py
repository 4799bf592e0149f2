"""Where events come from and go to: one package for each transport."""
