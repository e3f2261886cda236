"""The four opinions on how alike two artists are, one a file."""
