"""Hooks of MkDocs that build the documentation's site (mkdocs.yml, `make docs`)."""
