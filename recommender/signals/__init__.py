"""The four signals of how alike two artists are: audio, scene, genre and collaboration."""
