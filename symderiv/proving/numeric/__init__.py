"""Random points for what isn't proved: identities that fail, matrices that aren't semidefinite."""
