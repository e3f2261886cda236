"""Corrections of the catalog by hand: finds what they are about, records them, and tells what they change."""
