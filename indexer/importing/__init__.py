"""What an import is made of: the claims of a file, row by row, and the shapes a scene map comes in."""
