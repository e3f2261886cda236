"""Program 1: files in, a published generation out."""
