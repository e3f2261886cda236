"""Reads music folders and data files into the catalog: walk, plan, identify, write; and the imports of metadata."""
