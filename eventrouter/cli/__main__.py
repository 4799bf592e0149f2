"""``python -m eventrouter.cli``, where the console script is not at hand."""

from eventrouter.cli import main

if __name__ == "__main__":
    main()
