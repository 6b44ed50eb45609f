"""`python -m codeserver`."""

from codeserver.cli.main import main

if __name__ == "__main__":
    main()
